// SPDX-License-Identifier: Apache-2.0
/* sim_pair.c - see sim_pair.h. */
#include "tests/sim/sim_pair.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <CUnit/Basic.h>
#include <stdlib.h>

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct sim_party *end = (struct sim_party *)(void *)stream;

    if (!end->count) end->first_at_ns = hs_loop_now_ns(stream->loop);
    HS_ASSERT(end->count + count <= sizeof end->bytes);
    memcpy(end->bytes + end->count, bytes, count);
    if (end->is_echo)
        HS_IGNORE(hs_stream_send(stream, end->bytes + end->count, count, HS_SEND_QUIET),
                  "the other side counts what comes back");
    end->count += count;
}

void sim_party_on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct sim_party *end = (struct sim_party *)(void *)stream;

    HS_CHECK(!end->closed);
    switch (event) {
    case HS_STREAM_CONNECTED:
        end->connected++;
        end->connected_result = result;
        break;
    case HS_STREAM_SENT: end->sent++; break;
    case HS_STREAM_EOF: end->eof++; break;
    case HS_STREAM_FAILED:
        end->failed++;
        end->failed_result = result;
        break;
    case HS_STREAM_CLOSED: end->closed++; break;
    }
}

const struct hs_stream_ops sim_party_ops = {.on_data = on_data, .on_event = sim_party_on_event};

struct hs_loop *sim_pair_loop(struct hs_sim_world *world, unsigned node)
{
    struct hs_loop_config config = {.stream_count_max = 4,
                                    .recv_buffer_count = 4,
                                    .recv_buffer_bytes = 1000,
                                    .file_op_count_max = 2};
    struct hs_loop       *loop;

    hs_sim_enter(world, node);
    HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
    return loop;
}

void sim_pair_open(struct sim_pair *pair, uint64_t seed)
{
    pair->world = hs_sim_world_create(seed);
    pair->ends = calloc(2, sizeof *pair->ends);
    for (int i = 0; i < 2; i++) {
        pair->nodes[i] = hs_sim_node_add(pair->world);
        pair->loops[i] = sim_pair_loop(pair->world, pair->nodes[i]);
        pair->ends[i].stream.ops = &sim_party_ops;
    }
    hs_sim_socketpair(pair->world, pair->nodes[0], pair->nodes[1], pair->fds);
    for (int i = 0; i < 2; i++)
        HS_CHECK_EQ(hs_stream_adopt(pair->loops[i], &pair->ends[i].stream, pair->fds[i]), 0);
}

void sim_pair_close(struct sim_pair *pair)
{
    hs_sim_world_destroy(&pair->world);
    free(pair->ends);
}

void sim_run_ms(struct hs_sim_world *world, uint64_t ms)
{
    (void)hs_sim_run(world, hs_sim_now_ns(world) + ms * HS_NS_PER_MS);
}

int sim_run_tests(const char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests}, CU_SUITE_INFO_NULL};
    unsigned     failed;
    unsigned     run;

    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
        return 1;
    CU_basic_set_mode(CU_BRM_SILENT);
    (void)CU_basic_run_tests();
    CU_basic_show_failures(CU_get_failure_list());
    run = CU_get_number_of_tests_run();
    failed = CU_get_number_of_tests_failed();
    (void)printf("\n%u passed, %u failed\n", run - failed, failed);
    CU_cleanup_registry();
    return failed || !run ? 1 : 0;
}
