// SPDX-License-Identifier: Apache-2.0
/* extension.c - who asks, and what for. 30 s at first, half as much each time: 58.125 s in all. */
#include "roles/manager/extension.h"

#include "shm/base/time.h"

#define GRANT_NS       (30 * HS_NS_PER_S)
#define GRANT_LEAST_NS HS_NS_PER_S
#define ASK_PAUSE_NS   HS_NS_PER_S
enum { WHOLE_PPM = 1000000 };

static bool is_nonsense(const struct hs_extension *extension, const struct hs_extension_ask *ask)
{
    return ask->progress_ppm > WHOLE_PPM ||
           (ask->items_total && ask->items_done > ask->items_total) ||
           (extension->grants && ask->items_done < extension->items_done);
}

static bool has_moved(const struct hs_extension *extension, const struct hs_extension_ask *ask)
{
    return !extension->grants || ask->items_done > extension->items_done ||
           ask->progress_ppm > extension->progress_ppm;
}

static void grant(struct hs_extension *extension, const struct hs_extension_ask *ask,
                  struct hs_extension_answer *answer)
{
    answer->code = HS_EXTENSION_GRANTED;
    answer->grant_ns = hs_max_u64(GRANT_NS >> extension->grants, GRANT_LEAST_NS);
    extension->grants++;
    extension->denials = 0;
    extension->progress_ppm = ask->progress_ppm;
    extension->items_done = ask->items_done;
    extension->total_ns += answer->grant_ns;
}

static void deny(struct hs_extension *extension, uint64_t now_ns,
                 struct hs_extension_answer *answer)
{
    answer->code = HS_EXTENSION_NO_PROGRESS;
    if (!extension->denials) extension->denied_since_ns = now_ns;
    extension->denials++;
    answer->is_evicted = extension->denials >= HS_EXTENSION_DENIALS_MAX;
    if (answer->is_evicted) extension->denials = 0;
}

static void judge(struct hs_extension *extension, const struct hs_extension_ask *ask,
                  uint64_t now_ns, struct hs_extension_answer *answer)
{
    if (!ask->is_current) {
        answer->code = HS_EXTENSION_STALE;
    } else if (extension->asked_at_ns && now_ns - extension->asked_at_ns < ASK_PAUSE_NS) {
        answer->code = HS_EXTENSION_RATE_LIMITED;
    } else if (is_nonsense(extension, ask)) {
        answer->code = HS_EXTENSION_NO_PROGRESS;
        answer->is_malformed = true;
    } else if (!ask->is_reconciled) {
        answer->code = HS_EXTENSION_REFUTE_FIRST;
    } else if (ask->is_overloaded) {
        answer->code = HS_EXTENSION_OVERLOADED;
    } else if (extension->grants >= HS_EXTENSION_GRANTS_MAX) {
        answer->code = HS_EXTENSION_MAXED;
    } else if (has_moved(extension, ask)) {
        grant(extension, ask, answer);
    } else {
        deny(extension, now_ns, answer);
    }
}

void hs_extension_ask(struct hs_extension *extension, const struct hs_extension_ask *ask,
                      uint64_t now_ns, struct hs_extension_answer *answer)
{
    *answer = (struct hs_extension_answer){0};
    judge(extension, ask, now_ns, answer);
    if (answer->code != HS_EXTENSION_STALE && answer->code != HS_EXTENSION_RATE_LIMITED &&
        !answer->is_malformed)
        extension->asked_at_ns = now_ns;
    answer->remaining_grants = HS_EXTENSION_GRANTS_MAX - (unsigned)extension->grants;
    answer->is_warning = answer->remaining_grants <= 1;
}

void hs_extension_reset(struct hs_extension *extension)
{
    *extension = (struct hs_extension){.asked_at_ns = extension->asked_at_ns,
                                       .total_ns = extension->total_ns};
}
