// SPDX-License-Identifier: Apache-2.0
/* list.h - intrusive doubly linked list. A link that is in no list points to itself; owners embed
 * struct hs_link. */
#ifndef HS_BASE_LIST_H
#define HS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct hs_link {
    struct hs_link *next;
    struct hs_link *previous;
};

#define HS_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void hs_list_init(struct hs_link *link)
{
    link->next = link;
    link->previous = link;
}

static inline bool hs_list_is_empty(const struct hs_link *head)
{
    return head->next == head;
}

static inline void hs_list_add_tail(struct hs_link *head, struct hs_link *link)
{
    link->next = head;
    link->previous = head->previous;
    head->previous->next = link;
    head->previous = link;
}

static inline void hs_list_remove(struct hs_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    hs_list_init(link);
}

#endif
