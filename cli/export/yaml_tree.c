#include "yaml_tree.h"

#include <string.h>

int realip_yaml_tree_load(const struct realip_export_text *text, const char *key, const char *value, struct realip_export_report *report,
                          yaml_document_t *document_r)
{
    yaml_parser_t parser;
    int result = 1;

    if (yaml_parser_initialize(&parser) == 0)
        return -1;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->bytes, text->length);
    while (result == 1) {
        if (yaml_parser_load(&parser, document_r) == 0) {
            const struct realip_export_piece place = { .at = "", .line = (unsigned)parser.problem_mark.line + 1 };

            result = realip_export_report_unreadable(report, &place, parser.problem != NULL ? parser.problem : "is no YAML");
            break;
        }
        const yaml_node_t *root = yaml_document_get_root_node(document_r);
        const yaml_node_t *found = realip_yaml_tree_get(document_r, root, key);
        if (found != NULL && (value == NULL || realip_yaml_tree_is(found, value))) {
            result = 0;
            break;
        }
        yaml_document_delete(document_r);
        if (root == NULL)
            break;
    }
    yaml_parser_delete(&parser);
    return result;
}

const yaml_node_t *realip_yaml_tree_get(yaml_document_t *document, const yaml_node_t *node, const char *key)
{
    if (node == NULL || node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        if (realip_yaml_tree_is(yaml_document_get_node(document, pair->key), key))
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

const yaml_node_t *realip_yaml_tree_at(yaml_document_t *document, const yaml_node_t *node, size_t index)
{
    if (node == NULL || node->type != YAML_SEQUENCE_NODE || index >= realip_yaml_tree_size(node))
        return NULL;
    return yaml_document_get_node(document, node->data.sequence.items.start[index]);
}

size_t realip_yaml_tree_size(const yaml_node_t *node)
{
    if (node != NULL && node->type == YAML_SEQUENCE_NODE)
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (node != NULL && node->type == YAML_MAPPING_NODE)
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    return 0;
}

struct realip_export_piece realip_yaml_tree_piece(const yaml_node_t *node)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return (struct realip_export_piece){ .at = "" };
    return (struct realip_export_piece){ (const char *)node->data.scalar.value, node->data.scalar.length,
                                         (unsigned)node->start_mark.line + 1 };
}

bool realip_yaml_tree_is(const yaml_node_t *node, const char *text)
{
    const struct realip_export_piece piece = realip_yaml_tree_piece(node);

    return node != NULL && node->type == YAML_SCALAR_NODE && realip_export_piece_is(&piece, text);
}
