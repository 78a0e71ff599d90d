/* The limit: what the kernel charges for echo requests, with next to nothing on top.
 *
 * reference IDENTIFIER BATCH TIMEOUT_MS ROUNDS < MESH
 *   IDENTIFIER of the requests: each new one costs new conntrack entries for every pair
 *   BATCH    requests in one sendmmsg, 1 to 64
 *   ROUNDS   how often everything is sent, by the same sockets and identifier
 *   MESH     lines "source PATH ADDRESS" and "to ADDRESS ..." below its source
 * Prints for each round: pairs sent replies cpu_us wall_us, and in a line of its own for
 * each pair 1 or 0: was answered.
 *
 * One raw ICMP socket in each source's network namespace (raw(7), setns(2)); all
 * requests of a source go out in batches, the socket is drained after each, and what
 * is still open then gets one poll until the timeout. A reply counts if it is one, the
 * identifier and the pair are ours and it comes from the pair's destination.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define ICMP_FILTER 1

struct source { int fd; uint32_t first, count; };
struct echo { uint8_t type, code; uint16_t check, id, sequence; uint32_t pair, pad[4]; };

static struct source *sources;
static struct sockaddr_in *addresses; /* of each pair's destination */
static uint8_t *answered;
static uint32_t source_count, pair_count, sent, replies;
static uint16_t identifier;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(const char *path)
{
    int ns = open(path, O_RDONLY | O_CLOEXEC), size = 4 << 20, fd;
    uint32_t only_replies = ~(1u << ICMP_ECHOREPLY);

    if (ns < 0 || setns(ns, CLONE_NEWNET))
        die(path);
    close(ns);
    fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

static void *grown(void *memory, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return memory;
    memory = realloc(memory, (count ? 2 * (size_t)count : 1) * size);
    if (!memory)
        die("realloc");
    return memory;
}

static void read_mesh(void)
{
    char word[128], path[128];

    while (scanf("%127s", word) == 1) {
        if (!strcmp(word, "source")) {
            if (scanf("%127s", path) != 1)
                die("a path");
            sources = grown(sources, source_count, sizeof *sources);
            sources[source_count++] = (struct source){open_socket(path), pair_count, 0};
        } else {
            addresses = grown(addresses, pair_count, sizeof *addresses);
            memset(&addresses[pair_count], 0, sizeof *addresses);
            addresses[pair_count].sin_family = AF_INET;
            if (!source_count || inet_pton(AF_INET, word,
                                           &addresses[pair_count].sin_addr) != 1)
                die(word);
            pair_count++;
            sources[source_count - 1].count++;
        }
    }
    answered = calloc(pair_count + 1, 1);
}

static uint16_t checksum(const void *data, int bytes)
{
    const uint16_t *words = data;
    uint32_t sum = 0;

    for (; bytes > 1; bytes -= 2)
        sum += *words++;
    sum = (sum >> 16) + (sum & 0xffff);
    return ~(sum + (sum >> 16));
}

static void take(const uint8_t *data, unsigned length, const struct sockaddr_in *from)
{
    unsigned header = (data[0] & 15) * 4;
    struct echo echo;

    if (length != header + sizeof echo)
        return;
    memcpy(&echo, data + header, sizeof echo);
    if (echo.type != ICMP_ECHOREPLY || echo.id != identifier || echo.pair >= pair_count
        || from->sin_addr.s_addr != addresses[echo.pair].sin_addr.s_addr
        || answered[echo.pair])
        return;
    answered[echo.pair] = 1;
    replies++;
}

static void drain(int fd)
{
    static uint8_t data[MOST][128];
    static struct sockaddr_in from[MOST];
    static struct iovec iov[MOST];
    static struct mmsghdr messages[MOST];
    int count, i;

    do {
        for (i = 0; i < MOST; i++) {
            iov[i] = (struct iovec){data[i], sizeof data[i]};
            messages[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof from[i],
                .msg_iov = &iov[i], .msg_iovlen = 1};
        }
        count = recvmmsg(fd, messages, MOST, MSG_DONTWAIT, NULL);
        for (i = 0; i < count; i++)
            take(data[i], messages[i].msg_len, &from[i]);
    } while (count == MOST);
}

static void send_batch(int fd, uint32_t first, int count)
{
    static struct echo echoes[MOST];
    static struct iovec iov[MOST];
    static struct mmsghdr messages[MOST];
    int done, i;

    for (i = 0; i < count; i++) {
        echoes[i] = (struct echo){.type = ICMP_ECHO, .id = identifier,
                                  .sequence = htons(first + i), .pair = first + i};
        echoes[i].check = checksum(&echoes[i], sizeof echoes[i]);
        iov[i] = (struct iovec){&echoes[i], sizeof echoes[i]};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &addresses[first + i], .msg_namelen = sizeof *addresses,
            .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    for (done = 0; done < count; done += i) {
        i = sendmmsg(fd, messages + done, count - done, 0);
        if (i < 0)
            i = 1; /* this one cannot be sent; it stays unanswered */
        else
            sent += i;
    }
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int64_t cpu_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL
        + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static void wait_for_the_rest(int timeout_ms)
{
    struct pollfd *waiting = calloc(source_count, sizeof *waiting);
    int64_t end = now_us() + timeout_ms * 1000LL, left;
    uint32_t i;

    for (i = 0; i < source_count; i++)
        waiting[i] = (struct pollfd){sources[i].fd, POLLIN, 0};
    while (replies < sent && (left = end - now_us()) > 0)
        if (poll(waiting, source_count, left / 1000 + 1) > 0)
            for (i = 0; i < source_count; i++)
                if (waiting[i].revents)
                    drain(sources[i].fd);
    free(waiting);
}

static void run(int batch, int timeout_ms)
{
    int64_t cpu = cpu_us(), wall = now_us();
    uint32_t i, at;

    sent = replies = 0;
    memset(answered, 0, pair_count);
    for (i = 0; i < source_count; i++)
        for (at = 0; at < sources[i].count; at += batch) {
            uint32_t left = sources[i].count - at;
            send_batch(sources[i].fd, sources[i].first + at,
                       left < (uint32_t)batch ? (int)left : batch);
            drain(sources[i].fd);
        }
    wait_for_the_rest(timeout_ms);
    printf("%u %u %u %lld %lld\n", pair_count, sent, replies,
           (long long)(cpu_us() - cpu), (long long)(now_us() - wall));
    for (i = 0; i < pair_count; i++)
        putchar('0' + answered[i]);
    putchar('\n');
}

int main(int argc, char **argv)
{
    int batch = argc > 2 ? atoi(argv[2]) : MOST;
    int timeout_ms = argc > 3 ? atoi(argv[3]) : 1000;
    int rounds = argc > 4 ? atoi(argv[4]) : 1;

    if (argc < 2)
        die("an identifier");
    if (batch < 1 || batch > MOST)
        die("a batch of 1 to 64");
    identifier = htons(atoi(argv[1]));
    read_mesh();
    while (rounds-- > 0)
        run(batch, timeout_ms);
    return 0;
}
