// SPDX-License-Identifier: Apache-2.0
/* segments_io.c - shared memory of the tree. Who is not the writer of a segment gets a descriptor
 * that cannot be mapped for writing; that takes /proc, and without it (a bare chroot) all get the
 * same. */
#include "supervisor/segments_io.h"

#include "shm/base/log.h"
#include "shm/counters.h"
#include "supervisor/role_table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_BYTES = 64 };

static int read_only_twin(int fd)
{
    char path[32];
    int  twin;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    twin = open(path, O_RDONLY | O_CLOEXEC);
    return twin >= 0 ? twin : fd;
}

/* Under its name (the first of a kind without a number), one generation after the last. */
static int make(struct hs_shared_segment *made, const char *name, struct hs_segment_spec *spec,
                struct hs_err *err)
{
    char numbered[NAME_BYTES];
    int  fd;

    spec->generation = made->generation + 1;
    (void)snprintf(numbered, sizeof numbered, spec->generation == 1 ? "%s" : "%s.%" PRIu64, name,
                   spec->generation);
    fd = hs_segment_create(&made->mapped, numbered, spec, err);
    if (fd < 0) return fd;
    made->generation = spec->generation;
    made->write_fd = fd;
    made->read_fd = read_only_twin(fd);
    return 0;
}

static int make_share(struct hs_shared_segment *made, enum hs_share share, struct hs_err *err)
{
    struct hs_segment_spec spec;
    int                    rc;

    hs_share_spec(share, &spec);
    /* What everybody writes all the time must not end in a signal when memory is full. */
    spec.prefault =
        share == HS_SHARE_HOST || share == HS_SHARE_VITALS || share == HS_SHARE_COUNTERS;
    rc = make(made, hs_share_name(share), &spec, err);
    if (rc < 0) return rc;
    hs_share_init(share, hs_segment_body(&made->mapped));
    if (share > HS_SHARE_EVENTS) {
        hs_segment_unmap(&made->mapped); /* not the supervisor's business */
        return 0;
    }
    /* Children map what they may, as they may: ours, writable, is not for them. */
    return madvise(made->mapped.map, made->mapped.bytes, MADV_DONTFORK) < 0
               ? hs_err_set(err, -errno, "keep segment %s", hs_share_name(share))
               : 0;
}

static int make_engine_segment(struct hs_shared_segment *made, enum hs_engine_segment which,
                               unsigned engine_idx, struct hs_err *err)
{
    char                   name[NAME_BYTES];
    struct hs_segment_spec spec;
    int                    rc;

    hs_engine_segment_spec(which, &spec);
    spec.prefault = which != HS_ENGINE_FIGURES; /* those are sparse: pages for a thousand steps */
    (void)snprintf(name, sizeof name, "engine.%u.%s", engine_idx, hs_engine_segment_name(which));
    rc = make(made, name, &spec, err);
    if (rc < 0) return rc;
    hs_engine_segment_init(which, hs_segment_body(&made->mapped));
    hs_segment_unmap(&made->mapped);
    return 0;
}

/* Who may look at it finds it among our descriptors, and cannot change it. */
static void keep_for_post_mortem(struct hs_shared_segment *old, struct hs_shared_segment *made)
{
    if (old->kept_fd >= 0) (void)close(old->kept_fd);
    made->kept_fd = old->read_fd;
    if (old->write_fd != old->read_fd) (void)close(old->write_fd);
    hs_segment_unmap(&old->mapped);
}

/* The pages of all processes hold nothing but numbers and texts that no reader believes unseen:
 * they are carried over, so that no counter goes back and no death is forgotten. */
static void carry_over(const struct hs_segment *from, const struct hs_segment *into)
{
    if (!from->map) return;
    memcpy(hs_segment_body(into), hs_segment_body(from), hs_segment_body_bytes(into));
}

static void carry_page(struct hs_tree *tree, const struct hs_segment *kept, unsigned process_idx)
{
    const struct hs_counters_shm *from = hs_counters_page(hs_segment_body(kept), process_idx);
    struct hs_counters_shm       *into =
        hs_counters_page(hs_segment_body(&tree->shares[HS_SHARE_COUNTERS].mapped), process_idx);

    for (unsigned i = 0; i < HS_COUNTERS_MAX; i++)
        hs_counter_set(into, i, hs_counter_load(from, i));
}

/* It began before the counters were replaced, so it counts in the old segment. */
static bool counts_in_kept(const struct hs_tree *tree, const struct hs_child *child)
{
    return hs_restart_is_alive(&child->restart) &&
           child->restart.started_at_ns < tree->groups_at_ns[HS_GROUP_COMMON];
}

static bool is_kept_in_use(const struct hs_tree *tree)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        if (counts_in_kept(tree, &tree->children[i])) return true;
    return false;
}

void hs_segments_carry_counters(struct hs_tree *tree)
{
    struct hs_segment_spec spec;
    struct hs_segment      kept;
    struct hs_err          err;

    if (tree->shares[HS_SHARE_COUNTERS].kept_fd < 0 || !is_kept_in_use(tree)) return;
    hs_share_spec(HS_SHARE_COUNTERS, &spec);
    if (hs_segment_map(&kept, tree->shares[HS_SHARE_COUNTERS].kept_fd, &spec, HS_SEGMENT_READ_ONLY,
                       &err) < 0) {
        hs_log(HS_LOG_WARN, "supervisor", "counters_not_carried reason=\"%s\"", err.text);
        return;
    }
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        const struct hs_child *child = &tree->children[i];

        if (counts_in_kept(tree, child))
            carry_page(tree, &kept, hs_process_idx_of(child->kind, child->idx));
    }
    hs_segment_unmap(&kept);
}

static int replace_share(struct hs_tree *tree, enum hs_share share, struct hs_err *err)
{
    struct hs_shared_segment *held = &tree->shares[share];
    struct hs_shared_segment  made = {.generation = held->generation};
    int                       rc = make_share(&made, share, err);

    if (rc < 0) return rc;
    carry_over(&held->mapped, &made.mapped);
    keep_for_post_mortem(held, &made);
    *held = made;
    if (share == HS_SHARE_HOST) tree->host = hs_segment_body(&held->mapped);
    return 0;
}

static int replace_engine_segment(struct hs_tree *tree, unsigned engine_idx,
                                  enum hs_engine_segment which, struct hs_err *err)
{
    struct hs_shared_segment *held = &tree->engines[engine_idx].segments[which];
    struct hs_shared_segment  made = {.generation = held->generation};
    int                       rc = make_engine_segment(&made, which, engine_idx, err);

    if (rc < 0) return rc;
    keep_for_post_mortem(held, &made);
    *held = made;
    return 0;
}

int hs_segments_replace(struct hs_tree *tree, enum hs_segment_group group, unsigned engine_idx,
                        struct hs_err *err)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < HS_SHARE_COUNT; i++)
        if (hs_group_has_share(group, (enum hs_share)i))
            rc = replace_share(tree, (enum hs_share)i, err);
    for (unsigned i = 0; i < tree->engine_count; i++)
        for (unsigned k = 0; rc == 0 && k < HS_ENGINE_SEGMENT_COUNT; k++)
            if (hs_group_has_engine_segment(group, (enum hs_engine_segment)k) &&
                (group != HS_GROUP_RINGS || i == engine_idx))
                rc = replace_engine_segment(tree, i, (enum hs_engine_segment)k, err);
    return rc;
}

static int create_engine(struct hs_tree *tree, unsigned engine_idx, struct hs_err *err)
{
    struct hs_engine_segments *engine = &tree->engines[engine_idx];

    for (unsigned i = 0; i < HS_ENGINE_SEGMENT_COUNT; i++) {
        int rc =
            make_engine_segment(&engine->segments[i], (enum hs_engine_segment)i, engine_idx, err);

        engine->segments[i].kept_fd = -1;
        if (rc < 0) return rc;
    }
    engine->commands_bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    engine->events_bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (engine->commands_bell_fd < 0 || engine->events_bell_fd < 0)
        return hs_err_set(err, -errno, "event descriptor of an engine");
    return 0;
}

int hs_segments_create(struct hs_tree *tree, struct hs_err *err)
{
    for (unsigned i = 0; i < HS_SHARE_COUNT; i++) {
        int rc = make_share(&tree->shares[i], (enum hs_share)i, err);

        tree->shares[i].kept_fd = -1;
        if (rc < 0) return rc;
    }
    tree->host = hs_segment_body(&tree->shares[HS_SHARE_HOST].mapped);
    for (unsigned i = 0; i < tree->engine_count; i++) {
        int rc = create_engine(tree, i, err);

        if (rc < 0) return rc;
    }
    return 0;
}

/* Both ends of a ring write an index, so worker and engine write rings; figures the engine
 * alone. */
static void bequeath_engine(const struct hs_engine_segments *engine, enum hs_role_kind kind,
                            struct hs_engine_share *share)
{
    const struct hs_shared_segment *segments = engine->segments;
    bool                            is_reader = kind == HS_ROLE_CONSOLE;

    share->commands_fd = is_reader ? -1 : segments[HS_ENGINE_COMMANDS].write_fd;
    share->events_fd = is_reader ? -1 : segments[HS_ENGINE_EVENTS].write_fd;
    share->figures_fd = kind == HS_ROLE_ENGINE ? segments[HS_ENGINE_FIGURES].write_fd
                                               : segments[HS_ENGINE_FIGURES].read_fd;
    share->commands_bell_fd = is_reader ? -1 : engine->commands_bell_fd;
    share->events_bell_fd = is_reader ? -1 : engine->events_bell_fd;
}

void hs_segments_bequeath(const struct hs_tree *tree, enum hs_role_kind kind, unsigned idx,
                          struct hs_heritage *heritage)
{
    const struct hs_role_row *row = hs_role_row_of(kind);

    for (unsigned i = 0; i < HS_SHARE_COUNT; i++) {
        const struct hs_shared_segment *share = &tree->shares[i];

        heritage->share_fd[i] = row->writes >> i & 1  ? share->write_fd
                                : row->reads >> i & 1 ? share->read_fd
                                                      : -1;
    }
    heritage->engine_count = tree->engine_count;
    for (unsigned i = 0; i < HS_ENGINES_MAX; i++) {
        bool has = kind == HS_ROLE_WORKER || kind == HS_ROLE_CONSOLE ||
                   (kind == HS_ROLE_ENGINE && i == idx);

        heritage->engines[i] = (struct hs_engine_share){-1, -1, -1, -1, -1};
        if (has && i < tree->engine_count)
            bequeath_engine(&tree->engines[i], kind, &heritage->engines[i]);
    }
}
