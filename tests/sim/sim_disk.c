// SPDX-License-Identifier: Apache-2.0
/* sim_disk.c - disks: what a process sees, what would survive, and what a crash makes of the
 * difference, sector by sector. */
#include "tests/sim/sim_world.h"

#include <stdio.h>

enum crash_mode { LOSE_ALL, KEEP_ALL, KEEP_FIRST, KEEP_SOME, CRASH_MODES };

static void reserve(struct sim_file *file, size_t bytes)
{
    size_t capacity = file->capacity ? file->capacity : 4096;

    if (bytes <= file->capacity) return;
    while (capacity < bytes) capacity *= 2;
    file->bytes = realloc(file->bytes, capacity);
    file->durable = realloc(file->durable, capacity);
    file->dirty = realloc(file->dirty, capacity / SIM_SECTOR_BYTES * sizeof *file->dirty);
    HS_ASSERT(file->bytes && file->durable && file->dirty);
    memset(file->bytes + file->capacity, 0, capacity - file->capacity);
    memset(file->durable + file->capacity, 0, capacity - file->capacity);
    memset(file->dirty + file->capacity / SIM_SECTOR_BYTES, 0,
           (capacity - file->capacity) / SIM_SECTOR_BYTES * sizeof *file->dirty);
    file->capacity = capacity;
}

static int find_file(const struct hs_sim_world *world, unsigned node_idx, const char *name)
{
    for (unsigned i = 0; i < world->file_count; i++)
        if (world->files[i]->node == node_idx && !strcmp(world->files[i]->name, name))
            return (int)i;
    return -ENOENT;
}

int hs_sim_file_open(struct hs_sim_world *world, unsigned node_idx, const char *name)
{
    int idx = find_file(world, node_idx, name);

    if (idx < 0) {
        struct sim_file *file = calloc(1, sizeof *file);

        HS_ASSERT(file);
        file->node = node_idx;
        (void)snprintf(file->name, sizeof file->name, "%s", name);
        idx = (int)world->file_count;
        world->files = sim_grow(world->files, world->file_count++, file);
    }
    return sim_fd_add(world, SIM_FD_FILE, (unsigned)idx);
}

static struct sim_file *file_of(const struct hs_sim_world *world, int fd)
{
    int idx = sim_fd_find(world, fd, SIM_FD_FILE);

    return idx < 0 ? NULL : world->files[idx];
}

size_t hs_sim_file_read(struct hs_sim_world *world, int fd, uint64_t at_bytes, void *bytes,
                        size_t count)
{
    const struct sim_file *file = file_of(world, fd);
    size_t                 there;

    if (!file || at_bytes >= file->count) return 0;
    there = hs_min_u64(count, file->count - at_bytes);
    memcpy(bytes, file->bytes + at_bytes, there);
    return there;
}

void hs_sim_file_fail(struct hs_sim_world *world, int fd, unsigned write_count, unsigned sync_count)
{
    struct sim_file *file = file_of(world, fd);

    HS_ASSERT(file);
    file->fail_writes = write_count;
    file->fail_syncs = sync_count;
}

static int write_file(struct sim_file *file, const struct hs_file_op *op)
{
    size_t end = op->at_bytes + op->count;

    if (file->fail_writes) {
        file->fail_writes--;
        return -ENOSPC;
    }
    if (!op->count) return 0;
    reserve(file, end);
    memcpy(file->bytes + op->at_bytes, op->bytes, op->count);
    for (size_t i = op->at_bytes / SIM_SECTOR_BYTES; i <= (end - 1) / SIM_SECTOR_BYTES; i++)
        file->dirty[i] = true;
    if (end > file->count) file->count = end;
    return 0;
}

static void make_durable(struct sim_file *file, size_t sector, size_t bytes)
{
    size_t at = sector * SIM_SECTOR_BYTES;

    memcpy(file->durable + at, file->bytes + at, bytes);
    file->dirty[sector] = false;
}

static int sync_file(struct sim_file *file)
{
    size_t sectors = file->capacity / SIM_SECTOR_BYTES;

    if (file->fail_syncs) { /* and the kernel takes the pages for clean */
        file->fail_syncs--;
        memset(file->dirty, 0, sectors * sizeof *file->dirty);
        return -EIO;
    }
    for (size_t i = 0; i < sectors; i++)
        if (file->dirty[i]) make_durable(file, i, SIM_SECTOR_BYTES);
    file->durable_count = file->count;
    return 0;
}

void sim_disk_on(struct hs_sim_world *world, struct sim_event *event)
{
    struct hs_file_op *op = event->owner.op;
    struct sim_file   *file = file_of(world, op->fd);
    int                rc = file ? write_file(file, op) : -EBADF;

    if (!rc && op->is_synced) rc = sync_file(file);
    world->nodes[event->to_node].loop->file_count--;
    world->nodes[event->to_node].loop->figures.completion_count++;
    op->on_done(op, rc);
}

/* Its process dies while the write is under way: the kernel may have taken it or not. */
void sim_disk_write_half(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_file *file = file_of(world, event->owner.op->fd);

    if (file && hs_rand_below(&world->rand, 2))
        HS_IGNORE(write_file(file, event->owner.op), "nobody is there to hear of it");
}

static void crash_file(struct hs_sim_world *world, struct sim_file *file)
{
    enum crash_mode mode = (enum crash_mode)hs_rand_below(&world->rand, CRASH_MODES);
    size_t          sectors = file->capacity / SIM_SECTOR_BYTES;
    size_t          limit = file->count;

    if (mode == LOSE_ALL) limit = file->durable_count;
    if (mode == KEEP_FIRST && file->count > file->durable_count)
        limit = file->durable_count +
                (size_t)hs_rand_below(&world->rand, file->count - file->durable_count + 1);
    for (size_t i = 0; i < sectors; i++) {
        size_t at = i * SIM_SECTOR_BYTES;

        if (!file->dirty[i] || mode == LOSE_ALL) continue;
        if (mode == KEEP_SOME && hs_rand_below(&world->rand, 2)) continue;
        if (mode == KEEP_FIRST && at >= limit) continue;
        make_durable(file, i,
                     mode == KEEP_FIRST ? hs_min_u64(SIM_SECTOR_BYTES, limit - at)
                                        : SIM_SECTOR_BYTES);
    }
    if (sectors) {
        memset(file->dirty, 0, sectors * sizeof *file->dirty);
        memset(file->durable + limit, 0, file->capacity - limit);
        memcpy(file->bytes, file->durable, file->capacity);
    }
    file->count = limit;
    file->durable_count = limit;
}

void sim_disk_crash(struct hs_sim_world *world, unsigned node_idx)
{
    for (unsigned i = 0; i < world->file_count; i++)
        if (world->files[i]->node == node_idx) crash_file(world, world->files[i]);
}

void sim_disk_free(struct hs_sim_world *world)
{
    for (unsigned i = 0; i < world->file_count; i++) {
        free(world->files[i]->bytes);
        free(world->files[i]->durable);
        free(world->files[i]->dirty);
        free(world->files[i]);
    }
    free(world->files);
}
