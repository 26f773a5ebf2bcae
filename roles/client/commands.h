// SPDX-License-Identifier: Apache-2.0
/* commands.h - what each command of `hyperscale` does once its flags are read: prints, and tells
 * the exit code (exit_code.h). */
#ifndef HS_CLIENT_COMMANDS_H
#define HS_CLIENT_COMMANDS_H

#include "roles/client/options.h"

int hs_command_run(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_check(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_submit(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_watch(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_list(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_status_of_job(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_cancel(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_results(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_status(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_top(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_nodes(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_ping(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_target(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_ca_init(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_ca_issue(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_ca_revoke(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_keyring_list(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_keyring_install(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_keyring_use(const struct hs_options *options) HS_MUST_CHECK;
int hs_command_keyring_remove(const struct hs_options *options) HS_MUST_CHECK;

#endif
