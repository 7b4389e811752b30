#include "process_metrics.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "metrics_text.h"

/* Fields of /proc/self/stat (proc(5)), counted from behind the name in parentheses, which may hold anything. */
#define FIELD_USER_TICKS   11
#define FIELD_SYSTEM_TICKS 12
#define FIELD_START_TICKS  19
#define FIELD_PAGES        21
#define FIELD_COUNT        22

/* 0; or -1 where /proc is not there. */
static int read_fields(long long fields[FIELD_COUNT])
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

    if (file != NULL)
        fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    if (at == NULL)
        return -1;
    at += strspn(at + 1, " ") + 2; /* the first field is a letter */
    for (unsigned i = 1; i < FIELD_COUNT; i++) {
        int used = 0;

        if (sscanf(at, "%lld%n", &fields[i], &used) != 1)
            return -1;
        at += used;
    }
    return 0;
}

/* When the machine was started, in seconds of the wall clock. */
static double boot_time(void)
{
    struct timespec now;
    struct timespec up;

    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
}

static void write_times(FILE *out)
{
    long long fields[FIELD_COUNT];
    double ticks = (double)sysconf(_SC_CLK_TCK);

    if (read_fields(fields) < 0)
        return;
    realip_metrics_text_head("process_cpu_seconds_total", "counter", "Processor time that was used, of user and kernel.", out);
    fprintf(out, "process_cpu_seconds_total %.2f\n", (double)(fields[FIELD_USER_TICKS] + fields[FIELD_SYSTEM_TICKS]) / ticks);
    realip_metrics_text_head("process_start_time_seconds", "gauge", "When the process was started.", out);
    fprintf(out, "process_start_time_seconds %.2f\n", boot_time() + (double)fields[FIELD_START_TICKS] / ticks);
    realip_metrics_text_gauge("process_resident_memory_bytes", "Memory that is in use.",
                              fields[FIELD_PAGES] * (long long)sysconf(_SC_PAGESIZE), out);
}

static void write_descriptors(FILE *out)
{
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");
    long long count = 0;

    if (folder != NULL) {
        for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
            count += entry->d_name[0] != '.' ? 1 : 0;
        closedir(folder);
        realip_metrics_text_gauge("process_open_fds", "Descriptors that are open.", count - 1, out); /* one is the folder's */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        realip_metrics_text_gauge("process_max_fds", "Descriptors that may be open.", (long long)limit.rlim_cur, out);
}

void realip_process_metrics_write(FILE *out)
{
    write_times(out);
    write_descriptors(out);
}
