// SPDX-License-Identifier: Apache-2.0
/* role_load_io.c - clocks and counters of how loaded a process is. */
#include "roles/role_load_io.h"

#include "roles/counters.h"
#include "roles/guard/overload.h"
#include "shm/base/log.h"
#include "shm/counters.h"

#include <stdlib.h>
#include <time.h>

#define IDLE_NS (50 * HS_NS_PER_US) /* the loop had nothing to do for so long: no queue */

struct hs_role_load {
    struct hs_overload overload;
    uint64_t           turn_begun_ns;
    uint64_t           turn_ended_ns;
    uint64_t           ticked_at_ns;
    uint64_t           cpu_ns;
    uint64_t           frame_count;
};

static uint64_t cpu_ns(void)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0) return 0;
    return (uint64_t)used.tv_sec * HS_NS_PER_S + (uint64_t)used.tv_nsec;
}

struct hs_role_load *hs_role_load_open(const struct hs_role_process *process, uint64_t now_ns)
{
    struct hs_role_load *load = calloc(1, sizeof *load);

    if (!load) {
        hs_log(HS_LOG_WARN, "role", "out of memory: its load is not measured");
        return NULL;
    }
    hs_overload_init(&load->overload, now_ns);
    load->turn_begun_ns = load->turn_ended_ns = load->ticked_at_ns = now_ns;
    load->cpu_ns = cpu_ns();
    load->frame_count = process->frames.received_frames;
    return load;
}

void hs_role_load_close(struct hs_role_process *process)
{
    free(process->load);
    process->load = NULL;
}

void hs_role_load_turn(struct hs_role_process *process, uint64_t now_ns)
{
    struct hs_role_load *load = process->load;
    uint64_t             ended_ns, waited_ns;

    if (!load) return;
    ended_ns = hs_loop_clock_ns(process->loop);
    /* What came while the last turn went on has waited since its beginning at most. */
    waited_ns = now_ns > load->turn_ended_ns + IDLE_NS ? 0 : now_ns - load->turn_begun_ns;
    if (process->frames.received_frames != load->frame_count)
        hs_overload_turn(&load->overload, now_ns, ended_ns - now_ns, waited_ns);
    load->frame_count = process->frames.received_frames;
    load->turn_begun_ns = now_ns;
    load->turn_ended_ns = ended_ns;
}

void hs_role_load_tick(struct hs_role_process *process, uint64_t now_ns)
{
    struct hs_role_load *load = process->load;
    char                 reasons[HS_OVERLOAD_REASONS_BYTES];
    uint64_t             used_ns, passed_ns;

    if (!load || now_ns == load->ticked_at_ns) return;
    used_ns = cpu_ns();
    passed_ns = now_ns - load->ticked_at_ns;
    if (hs_overload_tick(&load->overload, now_ns,
                         (uint32_t)((used_ns - load->cpu_ns) * 1000000 / passed_ns)))
        hs_log(HS_LOG_INFO, "role", "load level=%s reasons=%s turn_median_ns=%llu",
               hs_node_load_name(hs_overload_level(&load->overload)),
               hs_overload_reasons(&load->overload, reasons),
               (unsigned long long)load->overload.median_ns);
    load->cpu_ns = used_ns;
    load->ticked_at_ns = now_ns;
    hs_counter_set(process->counters, HS_COUNT_load_level, hs_overload_level(&load->overload));
}

enum hs_node_load hs_role_load(const struct hs_role_load *load)
{
    return load ? hs_overload_level(&load->overload) : HS_NODE_HEALTHY;
}
