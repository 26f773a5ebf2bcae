// SPDX-License-Identifier: Apache-2.0
/* segment_io.c - memfds, seals and mappings. */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW };

/* Size, and memory if it is to be there from the start: afterwards nothing can fault for lack of
 * it. */
static int give_size(int fd, const struct hs_segment_spec *spec, struct hs_err *err)
{
    off_t bytes = (off_t)hs_segment_total_bytes(spec->body_bytes);

    if (ftruncate(fd, bytes) < 0) return hs_err_set(err, -errno, "size of the segment");
    if (spec->prefault && fallocate(fd, 0, 0, bytes) < 0)
        return hs_err_set(err, -errno, "memory for the segment");
    if (fcntl(fd, F_ADD_SEALS, SIZE_SEALS) < 0) return hs_err_set(err, -errno, "seal the segment");
    return 0;
}

static int map_fd(struct hs_segment *segment, int fd, uint64_t bytes, int protection, int flags)
{
    void *map = mmap(NULL, (size_t)bytes, protection, MAP_SHARED | flags, fd, 0);

    if (map == MAP_FAILED) return -errno;
    segment->map = map;
    segment->bytes = (size_t)bytes;
    return 0;
}

int hs_segment_create(struct hs_segment *segment, const char *name,
                      const struct hs_segment_spec *spec, struct hs_err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc;

    *segment = (struct hs_segment){0};
    if (fd < 0) {
        rc = hs_err_set(err, -errno, "memfd");
        goto fail;
    }
    rc = give_size(fd, spec, err);
    if (rc < 0) goto fail_fd;
    rc = map_fd(segment, fd, hs_segment_total_bytes(spec->body_bytes), PROT_READ | PROT_WRITE,
                spec->prefault ? MAP_POPULATE : 0);
    if (rc < 0) {
        rc = hs_err_set(err, rc, "map the segment");
        goto fail_fd;
    }
    hs_segment_header_init(segment->map, spec, (uint32_t)getpid());
    return fd;

fail_fd:
    (void)close(fd);
fail:
    HS_IGNORE(hs_err_wrap(err, "segment %s", name), "same code");
    return rc;
}

/* What the kernel says of the file, before any byte of it is believed. */
static int file_size(int fd, uint64_t *bytes, struct hs_err *err)
{
    struct stat status;
    int         seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0) return hs_err_set(err, -EPROTO, "not a memfd");
    if ((seals & SIZE_SEALS) != SIZE_SEALS) return hs_err_set(err, -EPROTO, "size is not sealed");
    if (fstat(fd, &status) < 0) return hs_err_set(err, -errno, "fstat");
    if (status.st_size <= HS_SEGMENT_BODY_OFFSET) return hs_err_set(err, -EPROTO, "too short");
    *bytes = (uint64_t)status.st_size;
    return 0;
}

int hs_segment_map(struct hs_segment *segment, int fd, const struct hs_segment_spec *spec,
                   enum hs_segment_access access, struct hs_err *err)
{
    int      protection = access == HS_SEGMENT_READ_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    uint64_t bytes = 0;
    int      rc = file_size(fd, &bytes, err);

    *segment = (struct hs_segment){0};
    if (rc == 0) {
        rc = map_fd(segment, fd, bytes, protection, 0);
        if (rc < 0) rc = hs_err_set(err, rc, "map the segment");
    }
    if (rc == 0) rc = hs_segment_check(segment->map, spec, bytes, err);
    if (rc < 0) {
        hs_segment_unmap(segment);
        HS_IGNORE(hs_err_wrap(err, "segment %s", hs_segment_kind_name(spec->kind)), "same code");
    }
    return rc;
}

int hs_segment_seal_write(int fd, struct hs_err *err)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0)
        return hs_err_set(err, -errno, "seal against writing");
    return 0;
}

bool hs_segment_is_sealed_write(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

void hs_segment_unmap(struct hs_segment *segment)
{
    if (segment->map) (void)munmap(segment->map, segment->bytes);
    *segment = (struct hs_segment){0};
}
