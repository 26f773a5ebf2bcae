// SPDX-License-Identifier: Apache-2.0
/* link_emulator.c - long ways between hosts on one machine: a TUN device wan0 in each network
 * namespace, and between any two of them a link of its own that delays, varies its delay, loses,
 * doubles and reorders packets. What happens to the nth packet of a direction follows from the seed
 * alone, whatever the clock and the other links do.
 *
 * usage: link_emulator SEED DELAY_US JITTER_US LOST_PPM DOUBLED_PPM OVERTAKING_PPM PID:ADDRESS...
 *
 * Each packet waits DELAY_US, more or less JITTER_US, and keeps its order, but those that overtake
 * wait as little as a packet can, whoever was sent before. "ready" is said once the devices are
 * there. At SIGTERM all that is under way is delivered and what happened is said, as JSON; the
 * devices stay until SIGKILL. */
#include "shm/base/rand.h"
#include "shm/base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 128, PACKETS_MAX = 8192, PACKET_BYTES = 2048, ARGUMENTS = 7, MILLION = 1000000 };

struct packet {
    uint64_t due_ns;
    uint64_t number; /* of those that are due at once, the first that came goes first */
    unsigned to;
    unsigned bytes;
    uint8_t  data[PACKET_BYTES];
};

struct port {
    int      fd;
    uint32_t address; /* in network order */
};

struct direction {
    struct hs_rand rand;
    uint64_t       last_due_ns; /* of those that keep their order */
};

static struct {
    uint64_t delay_ns, jitter_ns;
    uint32_t lost_ppm, doubled_ppm, overtaking_ppm;
} way;

static struct {
    uint64_t taken, delivered, lost, doubled, overtook, overflowed, late_max_ns;
} counts;

static struct port           ports[PORTS_MAX];
static unsigned              port_count;
static struct direction      directions[PORTS_MAX][PORTS_MAX];
static struct packet        *heap[PACKETS_MAX]; /* the next one first */
static struct packet        *spare[PACKETS_MAX];
static unsigned              heap_count, spare_count;
static uint64_t              packet_number;
static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static void give_up(const char *what)
{
    (void)fprintf(stderr, "link_emulator: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- the packets under way ---- */

static bool is_before(const struct packet *a, const struct packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void push(struct packet *packet)
{
    unsigned at = heap_count++;

    for (; at > 0 && is_before(packet, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = packet;
}

static struct packet *pop(void)
{
    struct packet *first = heap[0], *last = heap[--heap_count];
    unsigned       at = 0;

    for (unsigned child = 1; child < heap_count; child = 2 * at + 1) {
        if (child + 1 < heap_count && is_before(heap[child + 1], heap[child])) child++;
        if (!is_before(heap[child], last)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

static void send_later(const struct packet *packet, uint64_t due_ns)
{
    struct packet *copy;

    if (spare_count == 0) {
        counts.overflowed++;
        return;
    }
    copy = spare[--spare_count];
    memcpy(copy->data, packet->data, packet->bytes);
    copy->bytes = packet->bytes;
    copy->to = packet->to;
    copy->due_ns = due_ns;
    copy->number = packet_number++;
    push(copy);
}

/* ---- what happens to them ---- */

static bool falls_to(struct hs_rand *rand, uint32_t ppm)
{
    return hs_rand_below(rand, MILLION) < ppm;
}

/* Draws the same count of numbers for each packet, so that the next one's fate is its own. */
static void pass(struct direction *direction, const struct packet *packet, uint64_t came_ns)
{
    bool     is_lost = falls_to(&direction->rand, way.lost_ppm);
    bool     is_doubled = falls_to(&direction->rand, way.doubled_ppm);
    bool     is_overtaking = falls_to(&direction->rand, way.overtaking_ppm);
    uint64_t soonest_ns = came_ns + way.delay_ns - way.jitter_ns;
    uint64_t due_ns = soonest_ns + hs_rand_below(&direction->rand, 2 * way.jitter_ns + 1);

    counts.taken++;
    counts.lost += is_lost;
    counts.doubled += is_doubled && !is_lost;
    counts.overtook += is_overtaking && !is_lost;
    if (is_lost) return;
    if (is_overtaking) {
        due_ns = soonest_ns;
    } else {
        due_ns = hs_max_u64(due_ns, direction->last_due_ns);
        direction->last_due_ns = due_ns;
    }
    for (int i = 0; i <= is_doubled; i++) send_later(packet, due_ns);
}

static void take(unsigned from)
{
    static struct packet packet;
    uint32_t             address;

    for (;;) {
        ssize_t bytes = read(ports[from].fd, packet.data, sizeof packet.data);

        if (bytes < 0) return;
        if (bytes < 20 || packet.data[0] >> 4 != 4) continue; /* IPv4 alone */
        memcpy(&address, packet.data + 16, sizeof address);
        packet.bytes = (unsigned)bytes;
        for (packet.to = 0; packet.to < port_count; packet.to++)
            if (ports[packet.to].address == address) break;
        if (packet.to < port_count) pass(&directions[from][packet.to], &packet, now_ns());
    }
}

static void deliver(void)
{
    while (heap_count > 0 && heap[0]->due_ns <= now_ns()) {
        struct packet *packet = pop();

        counts.late_max_ns = hs_max_u64(counts.late_max_ns, now_ns() - packet->due_ns);
        counts.delivered += write(ports[packet->to].fd, packet->data, packet->bytes) > 0;
        spare[spare_count++] = packet;
    }
}

static void run(void)
{
    struct pollfd   polled[PORTS_MAX];
    struct timespec wait;
    int             ready_count = 0;

    for (unsigned i = 0; i < port_count; i++)
        polled[i] = (struct pollfd){.fd = ports[i].fd, .events = POLLIN};
    while (!is_over || heap_count || ready_count > 0) {
        uint64_t until_ns = heap_count ? heap[0]->due_ns : UINT64_MAX, at_ns = now_ns();
        uint64_t wait_ns = hs_min_u64(HS_NS_PER_S / 10, until_ns > at_ns ? until_ns - at_ns : 0);

        wait = (struct timespec){.tv_nsec = (long)wait_ns};
        ready_count = ppoll(polled, port_count, &wait, NULL);
        for (unsigned i = 0; i < port_count; i++)
            if (polled[i].revents & POLLIN) take(i);
        deliver();
    }
}

/* ---- the devices ---- */

static void enter(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) give_up(path);
    (void)close(fd);
}

/* word: PID:ADDRESS */
static void add_port(const char *word)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    char         path[64];
    char        *colon;
    long         pid = strtol(word, &colon, 10);
    struct port *port = &ports[port_count++];

    if (*colon != ':' || inet_pton(AF_INET, colon + 1, &port->address) != 1) {
        errno = EINVAL;
        give_up(word);
    }
    (void)snprintf(path, sizeof path, "/proc/%ld/ns/net", pid);
    enter(path);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "wan0");
    port->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (port->fd < 0 || ioctl(port->fd, TUNSETIFF, &request) != 0) give_up("/dev/net/tun");
}

static void seed_directions(uint64_t seed)
{
    struct hs_rand rand;

    hs_rand_init(&rand, seed);
    for (unsigned from = 0; from < PORTS_MAX; from++)
        for (unsigned to = 0; to < PORTS_MAX; to++)
            hs_rand_init(&directions[from][to].rand, hs_rand_next(&rand));
}

static void make_room(void)
{
    struct packet *packets = calloc(PACKETS_MAX, sizeof *packets);

    if (!packets) give_up("packets");
    while (spare_count < PACKETS_MAX) {
        spare[spare_count] = &packets[spare_count];
        spare_count++;
    }
}

int main(int argc, char **argv)
{
    if (argc < ARGUMENTS + 1 || argc > ARGUMENTS + PORTS_MAX) {
        (void)fprintf(stderr, "usage: link_emulator SEED DELAY_US JITTER_US LOST_PPM DOUBLED_PPM "
                              "OVERTAKING_PPM PID:ADDRESS...\n");
        return 64;
    }
    seed_directions(strtoull(argv[1], NULL, 10));
    way.delay_ns = strtoull(argv[2], NULL, 10) * HS_NS_PER_US;
    way.jitter_ns = hs_min_u64(strtoull(argv[3], NULL, 10) * HS_NS_PER_US, way.delay_ns);
    way.lost_ppm = (uint32_t)strtoul(argv[4], NULL, 10);
    way.doubled_ppm = (uint32_t)strtoul(argv[5], NULL, 10);
    way.overtaking_ppm = (uint32_t)strtoul(argv[6], NULL, 10);
    make_room();
    for (int i = ARGUMENTS; i < argc; i++) add_port(argv[i]);
    (void)signal(SIGTERM, on_term);
    (void)printf("ready\n");
    (void)fflush(stdout);
    run();
    (void)printf("{\"taken\": %" PRIu64 ", \"delivered\": %" PRIu64 ", \"lost\": %" PRIu64
                 ", \"doubled\": %" PRIu64 ", \"overtook\": %" PRIu64 ", \"overflowed\": %" PRIu64
                 ", \"late_max_ns\": %" PRIu64 "}\n",
                 counts.taken, counts.delivered, counts.lost, counts.doubled, counts.overtook,
                 counts.overflowed, counts.late_max_ns);
    (void)fflush(stdout);
    for (;;) (void)pause();
}
