/* json_stream - one large JSON object (RFC 8259), read member by member and item by item: only one value at a time is in
 * memory, however long the list is. Jansson reads each value, and decides what is right inside of it.
 */
#ifndef REALIP_JSON_STREAM_H
#define REALIP_JSON_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The largest value. An object of Kubernetes can't be larger: its store takes requests of 1.5 MiB. */
#define REALIP_JSON_STREAM_MOST_VALUE (2U << 20)

struct realip_json_stream {
    FILE *file;
    int next;            /* the byte that comes next, or EOF */
    unsigned line;       /* where it stands, from 1 */
    unsigned value_line; /* where the last value began */
    bool first;          /* nothing of this object or array was read yet */
    char *text;          /* the value being read */
    size_t length;
    size_t room;
    char problem[200];   /* why something returned -1: what is wrong, without the mend; `line` tells where */
};

/* Begins at the file's place; `file` stays the caller's. */
void realip_json_stream_init(struct realip_json_stream *stream, FILE *file);
void realip_json_stream_clear(struct realip_json_stream *stream);

/* Goes into the object, or the array, that comes next. 0; or -1 and `problem`. */
int realip_json_stream_begin_object(struct realip_json_stream *stream);
int realip_json_stream_begin_array(struct realip_json_stream *stream);

/* Goes to the object's next member: 1, its name in `name` (cut where it is longer) and its value comes next; 0 behind the last
 * one; or -1 and `problem`. Names may repeat: the caller sees it. */
int realip_json_stream_member(struct realip_json_stream *stream, char *name, size_t size);

/* Goes to the array's next item: 1 and it comes next; 0 behind the last one, and the object around it goes on; or -1 and
 * `problem`. */
int realip_json_stream_item(struct realip_json_stream *stream);

/* Reads the value that comes next. 0 and *value_r (the caller's); or -1 and `problem`: no JSON, a name twice in an object, too
 * large, the file's end, or no memory. */
int realip_json_stream_value(struct realip_json_stream *stream, json_t **value_r);

/* 0 when nothing but white space follows; or -1 and `problem`. */
int realip_json_stream_end(struct realip_json_stream *stream);

#endif
