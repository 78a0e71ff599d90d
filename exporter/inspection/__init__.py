"""Looks into the namespaces of the ends of broken promises, once each; reads only.

`namespace` reads one, on a thread that is inside; `visit` enters it; `inspector`
chooses which. Another process may enter than the one that chooses, so nothing is
imported here.
"""
