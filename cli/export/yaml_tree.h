/* yaml_tree - a YAML (or JSON) text as libyaml's tree, and how to walk in it. */
#ifndef REALIP_CLI_YAML_TREE_H
#define REALIP_CLI_YAML_TREE_H

#include <yaml.h>

#include "export_report.h"

/* The first document whose top has `key`, with this value where `value` is not NULL. 0 and *document_r (yaml_document_delete());
 * 1: there is none; or -1: it is no YAML, which the report has been told. */
int realip_yaml_tree_load(const struct realip_export_text *text, const char *key, const char *value, struct realip_export_report *report,
                          yaml_document_t *document_r);

/* The value of a mapping's key; NULL where there is none, or `node` is NULL or no mapping. */
const yaml_node_t *realip_yaml_tree_get(yaml_document_t *document, const yaml_node_t *node, const char *key);

/* A sequence's element; NULL behind the last, or where `node` is NULL or no sequence. */
const yaml_node_t *realip_yaml_tree_at(yaml_document_t *document, const yaml_node_t *node, size_t index);

/* How many keys a mapping, or elements a sequence has; 0 for anything else. */
size_t realip_yaml_tree_size(const yaml_node_t *node);

/* A scalar as a piece of text; empty for anything else. */
struct realip_export_piece realip_yaml_tree_piece(const yaml_node_t *node);

/* Is it this scalar? */
bool realip_yaml_tree_is(const yaml_node_t *node, const char *text);

#endif
