// SPDX-License-Identifier: Apache-2.0
/* ledger_recover_io.c - chooses the file that counts, replays it, cuts off what was torn. */
#include "roles/cluster/ledger_local.h"
#include "shm/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapped {
    struct hs_view               file;
    struct hs_ledger_file_header header;
    bool                         is_sound;
};

/* What a predecessor wrote and did not live to make durable is about to be believed. If the disk
 * refuses, the kernel's copy of it is worth nothing: the next start reads what the disk has. */
static int make_durable(int fd, struct hs_err *err)
{
    int code;

    if (fdatasync(fd) == 0) return 0;
    code = -errno;
    HS_IGNORE(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "a hint");
    return hs_err_set(err, code, "make a ledger file durable");
}

static int map_file(int fd, struct hs_view *file, struct hs_err *err)
{
    struct stat status;
    void       *memory;

    *file = (struct hs_view){0};
    if (fstat(fd, &status)) return hs_err_set(err, -errno, "look at a ledger file");
    if (status.st_size == 0) return 0;
    memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return hs_err_set(err, -errno, "map a ledger file");
    *file = hs_view_of(memory, (size_t)status.st_size);
    return 0;
}

static void unmap_file(struct hs_view file)
{
    if (!file.bytes) return;
    union {
        // cppcheck-suppress unusedStructMember; it is read as the other one
        const uint8_t *view;
        void          *memory;
    } pointer = {.view = file.data};

    HS_IGNORE(munmap(pointer.memory, file.bytes), "nothing to do about it");
}

/* A compacted file counts once its snapshot, written last, is whole. */
static bool has_sound_beginning(const struct mapped *mapped)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;

    if (mapped->header.epoch == 1) return true;
    hs_ledger_scan_init(&scan, mapped->file, mapped->header.epoch);
    while (hs_ledger_scan_next(&scan, &record) == 1 && record.batch == 1)
        if (record.kind == HS_LEDGER_RECORD_SNAPSHOT) return true;
    return false;
}

static int inspect(struct hs_ledger *ledger, struct mapped mapped[2], struct hs_err *err)
{
    for (unsigned i = 0; i < 2; i++) {
        int rc = make_durable(ledger->config.fd[i], err);

        if (!rc) rc = map_file(ledger->config.fd[i], &mapped[i].file, err);
        if (rc) return rc;
        if (hs_ledger_get_header(mapped[i].file, &mapped[i].header)) continue;
        if (mapped[i].header.group != ledger->config.group)
            return hs_err_set(err, -EINVAL, "ledger file %u belongs to group %u, not %u", i,
                              mapped[i].header.group, ledger->config.group);
        mapped[i].is_sound = has_sound_beginning(&mapped[i]);
    }
    return 0;
}

static int format_file(struct hs_ledger *ledger, struct hs_err *err)
{
    uint8_t          image[HS_LEDGER_HEADER_BYTES];
    struct hs_writer writer;
    int              fd = ledger->config.fd[0];

    ledger->file_idx = 0;
    ledger->header = (struct hs_ledger_file_header){.group = ledger->config.group, .epoch = 1};
    hs_writer_init(&writer, image, sizeof image);
    hs_ledger_put_header(&writer, &ledger->header);
    if (ftruncate(fd, 0) || pwrite(fd, image, sizeof image, 0) != (ssize_t)sizeof image ||
        fdatasync(fd))
        return hs_err_set(err, errno ? -errno : -EIO, "start a ledger file");
    ledger->stats.file_bytes = sizeof image;
    ledger->live_bytes = sizeof image;
    return 0;
}

static int replay_record(struct hs_ledger *ledger, const struct hs_ledger_record *record)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;
    struct hs_ledger_digest   digest;
    int                       rc;

    switch (record->kind) {
    case HS_LEDGER_RECORD_ENTRY:
        if (record->number != ledger->stats.seq + 1) return -EIO;
        ledger->stats.seq = record->number;
        (void)machine->apply(machine->self, record->number, record->body);
        return 0;
    case HS_LEDGER_RECORD_BLOB:
        hs_ledger_digest_of(record->body, &digest);
        return hs_ledger_add_blob(ledger, &digest, record->at_bytes, record->body.bytes);
    case HS_LEDGER_RECORD_DAMAGED:
        if (record->body.bytes <= sizeof digest) return -EIO;
        memcpy(&digest, record->body.data, sizeof digest);
        rc = hs_ledger_add_blob(ledger, &digest, record->at_bytes + sizeof digest,
                                record->body.bytes - sizeof digest);
        if (!rc) hs_ledger_find_blob(ledger, &digest)->is_damaged = true;
        return rc;
    case HS_LEDGER_RECORD_SNAPSHOT:
        ledger->stats.seq = record->number;
        return machine->restore(machine->self, record->body);
    }
    return -EIO;
}

/* How much of the file is whole batches: what stands behind was never answered. */
static int find_end(const struct hs_ledger *ledger, struct hs_view file, size_t *whole_bytes,
                    struct hs_err *err)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;
    int                     rc;

    hs_ledger_scan_init(&scan, file, ledger->header.epoch);
    while ((rc = hs_ledger_scan_next(&scan, &record)) == 1) continue;
    if (rc) return hs_err_set(err, rc, "the ledger is damaged at byte %zu", scan.at_bytes);
    *whole_bytes = scan.whole_bytes;
    return 0;
}

static int replay(struct hs_ledger *ledger, struct hs_view file, struct hs_err *err)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;
    size_t                  whole_bytes = 0;
    int                     rc = find_end(ledger, file, &whole_bytes, err);

    if (rc) return rc;
    hs_ledger_scan_init(&scan, file, ledger->header.epoch);
    while (scan.at_bytes < whole_bytes && hs_ledger_scan_next(&scan, &record) == 1) {
        rc = replay_record(ledger, &record);
        if (rc) return hs_err_set(err, rc, "replay the ledger at byte %zu", record.at_bytes);
        if (record.kind == HS_LEDGER_RECORD_SNAPSHOT) ledger->live_bytes = scan.at_bytes;
    }
    ledger->batch_number = scan.batch;
    ledger->stats.file_bytes = whole_bytes;
    /* the padding of the last record may be missing: then there is nothing to cut */
    ledger->stats.torn_bytes = file.bytes > whole_bytes ? file.bytes - whole_bytes : 0;
    return 0;
}

/* What was torn must go before anything is appended: a sound record in it would else come to stand
 * behind new ones. */
static int cut_torn_tail(struct hs_ledger *ledger, struct hs_err *err)
{
    int fd = ledger->config.fd[ledger->file_idx];

    if (!ledger->stats.torn_bytes) return 0;
    hs_log(HS_LOG_WARN, "ledger", "cut torn tail bytes=%llu",
           (unsigned long long)ledger->stats.torn_bytes);
    if (ftruncate(fd, (off_t)ledger->stats.file_bytes) || fdatasync(fd))
        return hs_err_set(err, -errno, "cut the torn tail of a ledger file");
    return 0;
}

/* Half a compaction, or the file from before one: it does not count, and would take room until the
 * next. */
static void drop_other(const struct hs_ledger *ledger, size_t bytes)
{
    if (bytes && ftruncate(ledger->config.fd[1 - ledger->file_idx], 0))
        hs_log(HS_LOG_WARN, "ledger", "old file kept: %s", hs_err_code_text(errno));
}

static bool is_blank(const struct mapped *mapped)
{
    return mapped->file.bytes <= HS_LEDGER_HEADER_BYTES; /* at most a header that was cut short */
}

int hs_ledger_recover(struct hs_ledger *ledger, struct hs_err *err)
{
    struct mapped mapped[2] = {0};
    size_t        other_bytes = 0;
    int           rc = inspect(ledger, mapped, err);

    if (!rc && !mapped[0].is_sound && !mapped[1].is_sound) {
        if (is_blank(&mapped[0]) && is_blank(&mapped[1]))
            rc = format_file(ledger, err);
        else
            rc = hs_err_set(err, -EIO, "neither ledger file has a sound beginning");
    } else if (!rc) {
        ledger->file_idx = !mapped[0].is_sound ||
                           (mapped[1].is_sound && mapped[1].header.epoch > mapped[0].header.epoch);
        ledger->header = mapped[ledger->file_idx].header;
        ledger->live_bytes = HS_LEDGER_HEADER_BYTES;
        rc = replay(ledger, mapped[ledger->file_idx].file, err);
        if (!rc) rc = cut_torn_tail(ledger, err);
        other_bytes = rc ? 0 : mapped[1 - ledger->file_idx].file.bytes;
    }
    unmap_file(mapped[0].file);
    unmap_file(mapped[1].file);
    drop_other(ledger, other_bytes);
    ledger->stats.epoch = ledger->header.epoch;
    ledger->room_bytes = ledger->stats.file_bytes;
    return rc;
}
