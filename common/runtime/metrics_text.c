#include "metrics_text.h"

void realip_metrics_text_head(const char *name, const char *type, const char *help, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void realip_metrics_text_label(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else {
            if (*text == '\\' || *text == '"')
                fputc('\\', out);
            fputc(*text, out);
        }
    }
}

void realip_metrics_text_gauge(const char *name, const char *help, long long value, FILE *out)
{
    realip_metrics_text_head(name, "gauge", help, out);
    fprintf(out, "%s %lld\n", name, value);
}

void realip_metrics_text_counter(const char *name, const char *help, unsigned long long value, FILE *out)
{
    realip_metrics_text_head(name, "counter", help, out);
    fprintf(out, "%s %llu\n", name, value);
}
