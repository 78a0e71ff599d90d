"""Questions to Docker's embedded DNS server: messages, and asking from a namespace."""
