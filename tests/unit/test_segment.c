// SPDX-License-Identifier: Apache-2.0
/* test_segment.c - headers field by field, seals, mappings. */
#include "shm/segment.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct hs_segment_spec spec = {
    .kind = HS_SEGMENT_VITALS, .version = 3, .body_bytes = 5000, .generation = 7, .prefault = true};

static int check(const struct hs_segment_header *header)
{
    return hs_segment_check(header, &spec, hs_segment_total_bytes(spec.body_bytes), NULL);
}

static void a_header_is_checked_field_by_field(void)
{
    struct hs_segment_header good;
    struct hs_segment_header bad;

    hs_segment_header_init(&good, &spec, 42);
    HS_CHECK_EQ(check(&good), 0);
    HS_CHECK_EQ(good.owner_pid, 42);
#define HS_CHECK_REFUSED(field)                                                                    \
    bad = good;                                                                                    \
    bad.field++;                                                                                   \
    HS_CHECK_EQ(check(&bad), -EPROTO)
    HS_CHECK_REFUSED(magic);
    HS_CHECK_REFUSED(kind);
    HS_CHECK_REFUSED(version);
    HS_CHECK_REFUSED(header_bytes);
    HS_CHECK_REFUSED(total_bytes);
    HS_CHECK_REFUSED(generation);
    HS_CHECK_REFUSED(reserved[0]);
    HS_CHECK_REFUSED(reserved[27]);
#undef HS_CHECK_REFUSED
    HS_CHECK_EQ(hs_segment_check(&good, &spec, 4096, NULL), -EPROTO);
}

static void zero_in_the_expectation_means_any(void)
{
    struct hs_segment_spec   any = spec;
    struct hs_segment_header header;
    struct hs_err            err = {0};

    hs_segment_header_init(&header, &spec, 1);
    any.body_bytes = 0;
    any.generation = 0;
    HS_CHECK_EQ(hs_segment_check(&header, &any, header.total_bytes, &err), 0);
    any.generation = 8;
    HS_CHECK_EQ(hs_segment_check(&header, &any, header.total_bytes, &err), -EPROTO);
    HS_CHECK_TEXT(err.text, "generation 7, expected 8: Protocol error");
    any = spec;
    any.body_bytes = 5000 + 4096;
    HS_CHECK_EQ(hs_segment_check(&header, &any, header.total_bytes, &err), -EPROTO);
}

static void two_mappings_show_the_same_memory(void)
{
    struct hs_segment one = {0};
    struct hs_segment two = {0};
    struct hs_err     err = {0};
    int               fd = hs_segment_create(&one, "hs-test", &spec, &err);

    HS_CHECK(fd >= 0);
    HS_CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    HS_CHECK_EQ(hs_segment_map(&two, fd, &spec, HS_SEGMENT_READ_ONLY, &err), 0);
    HS_CHECK_EQ(close(fd), 0);
    HS_CHECK_EQ(hs_segment_body_bytes(&two), 8192);
    HS_CHECK_EQ((uintptr_t)hs_segment_body(&two) % 4096, 0);
    HS_CHECK_EQ(hs_segment_header_of(&two)->generation, 7);
    strcpy(hs_segment_body(&one), "seen");
    HS_CHECK_TEXT((const char *)hs_segment_body(&two), "seen");
    hs_segment_unmap(&one);
    hs_segment_unmap(&one);
    hs_segment_unmap(&two);
    HS_CHECK(one.map == NULL);
}

static void nobody_can_shrink_or_grow_a_segment(void)
{
    struct hs_segment segment = {0};
    int               fd = hs_segment_create(&segment, "hs-test", &spec, NULL);

    HS_CHECK(fd >= 0);
    HS_CHECK_EQ(ftruncate(fd, 4096), -1);
    HS_CHECK_EQ(ftruncate(fd, 1 << 20), -1);
    hs_segment_unmap(&segment);
    HS_CHECK_EQ(close(fd), 0);
}

static void what_is_no_segment_is_refused_with_a_sentence(void)
{
    struct hs_segment segment = {0};
    struct hs_err     err = {0};
    int               fd = memfd_create("hs-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int               ends[2] = {-1, -1};

    HS_CHECK_EQ(ftruncate(fd, 12288), 0);
    HS_CHECK_EQ(hs_segment_map(&segment, fd, &spec, HS_SEGMENT_READ_ONLY, &err), -EPROTO);
    HS_CHECK_TEXT(err.text, "segment vitals: size is not sealed: Protocol error");
    HS_CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    HS_CHECK_EQ(hs_segment_map(&segment, fd, &spec, HS_SEGMENT_READ_ONLY, &err), -EPROTO);
    HS_CHECK_TEXT(err.text, "segment vitals: not a segment: Protocol error");
    HS_CHECK(segment.map == NULL);
    HS_CHECK_EQ(close(fd), 0);
    HS_CHECK_EQ(pipe(ends), 0);
    HS_CHECK_EQ(hs_segment_map(&segment, ends[0], &spec, HS_SEGMENT_READ_ONLY, &err), -EPROTO);
    HS_CHECK_EQ(close(ends[0]), 0);
    HS_CHECK_EQ(close(ends[1]), 0);
    HS_CHECK_EQ(hs_segment_map(&segment, -1, &spec, HS_SEGMENT_READ_ONLY, &err), -EPROTO);
}

static void an_image_is_sealed_once_its_writer_has_let_go(void)
{
    struct hs_segment writer = {0};
    struct hs_segment reader = {0};
    int               fd = hs_segment_create(&writer, "hs-test", &spec, NULL);

    HS_CHECK(fd >= 0);
    HS_CHECK_EQ(hs_segment_seal_write(fd, NULL), -EBUSY);
    HS_CHECK(!hs_segment_is_sealed_write(fd));
    hs_segment_unmap(&writer);
    HS_CHECK_EQ(hs_segment_seal_write(fd, NULL), 0);
    HS_CHECK(hs_segment_is_sealed_write(fd));
    HS_CHECK_EQ(hs_segment_map(&writer, fd, &spec, HS_SEGMENT_READ_WRITE, NULL), -EPERM);
    HS_CHECK_EQ(hs_segment_map(&reader, fd, &spec, HS_SEGMENT_READ_ONLY, NULL), 0);
    hs_segment_unmap(&reader);
    HS_CHECK_EQ(close(fd), 0);
}

static void a_sparse_segment_costs_only_what_is_touched(void)
{
    struct hs_segment_spec big = spec;
    struct hs_segment      segment = {0};
    unsigned char          is_resident[1024];
    size_t                 resident_count = 0;
    int                    fd;

    big.body_bytes = UINT64_C(4096) * 1023;
    big.prefault = false;
    fd = hs_segment_create(&segment, "hs-test", &big, NULL);
    HS_CHECK(fd >= 0);
    HS_CHECK_EQ(segment.bytes, 4096 * 1024);
    HS_CHECK_EQ(mincore(segment.map, segment.bytes, is_resident), 0);
    for (size_t i = 0; i < sizeof is_resident; i++) resident_count += is_resident[i] & 1;
    HS_CHECK(resident_count < 64);
    hs_segment_unmap(&segment);
    HS_CHECK_EQ(close(fd), 0);
}

static void every_kind_has_a_name(void)
{
    for (int kind = HS_SEGMENT_VITALS; kind < HS_SEGMENT_KIND_END; kind++)
        HS_CHECK(strcmp(hs_segment_kind_name((enum hs_segment_kind)kind), "unknown") != 0);
    HS_CHECK_TEXT(hs_segment_kind_name(HS_SEGMENT_KIND_END), "unknown");
}

CU_TestInfo hs_tests_segment[] = {
    {"a header is checked field by field", a_header_is_checked_field_by_field},
    {"zero in the expectation means any", zero_in_the_expectation_means_any},
    {"two mappings show the same memory", two_mappings_show_the_same_memory},
    {"nobody can shrink or grow a segment", nobody_can_shrink_or_grow_a_segment},
    {"what is no segment is refused with a sentence",
     what_is_no_segment_is_refused_with_a_sentence},
    {"an image is sealed once its writer has let go",
     an_image_is_sealed_once_its_writer_has_let_go},
    {"a sparse segment costs only what is touched", a_sparse_segment_costs_only_what_is_touched},
    {"every kind has a name", every_kind_has_a_name},
    CU_TEST_INFO_NULL};
