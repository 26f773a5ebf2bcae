// SPDX-License-Identifier: Apache-2.0
/* segments_io.c - shared memory of the tree. Who is not the writer of a segment gets a descriptor
 * that cannot be mapped for writing; that takes /proc, and without it (a bare chroot) all get the
 * same. */
#include "supervisor/segments_io.h"

#include "shm/base/log.h"
#include "supervisor/role_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static int read_only_twin(int fd)
{
    char path[32];
    int  twin;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    twin = open(path, O_RDONLY | O_CLOEXEC);
    return twin >= 0 ? twin : fd;
}

static int create_share(struct hs_tree *tree, enum hs_share share, struct hs_err *err)
{
    struct hs_shared_segment *made = &tree->shares[share];
    struct hs_segment_spec    spec;
    int                       fd;

    hs_share_spec(share, &spec);
    spec.generation = 1;
    /* What everybody writes all the time must not end in a signal when memory is full. */
    spec.prefault =
        share == HS_SHARE_HOST || share == HS_SHARE_VITALS || share == HS_SHARE_COUNTERS;
    fd = hs_segment_create(&made->mapped, hs_share_name(share), &spec, err);
    if (fd < 0) return fd;
    hs_share_init(share, hs_segment_body(&made->mapped));
    made->write_fd = fd;
    made->read_fd = read_only_twin(fd);
    if (share > HS_SHARE_EVENTS) {
        hs_segment_unmap(&made->mapped); /* not the supervisor's business */
        return 0;
    }
    /* Children map what they may, as they may: ours, writable, is not for them. */
    return madvise(made->mapped.map, made->mapped.bytes, MADV_DONTFORK) < 0
               ? hs_err_set(err, -errno, "keep segment %s", hs_share_name(share))
               : 0;
}

static int create_engine_segment(struct hs_shared_segment *made, enum hs_engine_segment which,
                                 struct hs_err *err)
{
    struct hs_segment_spec spec;
    int                    fd;

    hs_engine_segment_spec(which, &spec);
    spec.generation = 1;
    spec.prefault = which != HS_ENGINE_FIGURES; /* those are sparse: pages for a thousand steps */
    fd = hs_segment_create(&made->mapped, hs_engine_segment_name(which), &spec, err);
    if (fd < 0) return fd;
    hs_engine_segment_init(which, hs_segment_body(&made->mapped));
    hs_segment_unmap(&made->mapped);
    made->write_fd = fd;
    made->read_fd = read_only_twin(fd);
    return 0;
}

static int create_engine(struct hs_engine_segments *engine, struct hs_err *err)
{
    for (unsigned i = 0; i < HS_ENGINE_SEGMENT_COUNT; i++) {
        int rc = create_engine_segment(&engine->segments[i], (enum hs_engine_segment)i, err);

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
        int rc = create_share(tree, (enum hs_share)i, err);

        if (rc < 0) return rc;
    }
    tree->host = hs_segment_body(&tree->shares[HS_SHARE_HOST].mapped);
    for (unsigned i = 0; i < tree->engine_count; i++) {
        int rc = create_engine(&tree->engines[i], err);

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

    share->commands_fd =
        is_reader ? segments[HS_ENGINE_COMMANDS].read_fd : segments[HS_ENGINE_COMMANDS].write_fd;
    share->events_fd =
        is_reader ? segments[HS_ENGINE_EVENTS].read_fd : segments[HS_ENGINE_EVENTS].write_fd;
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
