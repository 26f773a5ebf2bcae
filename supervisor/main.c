// SPDX-License-Identifier: Apache-2.0
/* main.c - hyperscaled. */
#include "supervisor/daemon_io.h"

int main(int argc, char **argv)
{
    return hs_daemon_main(argc, argv);
}
