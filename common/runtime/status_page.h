/* status_page - the status page as it was put together from status_page/ when this was built. */
#ifndef REALIP_STATUS_PAGE_H
#define REALIP_STATUS_PAGE_H

/* Stands in the page wherever the answer's own nonce belongs. */
#define REALIP_STATUS_PAGE_NONCE "@NONCE@"

/* NUL-terminated HTML, style and script within it. */
extern const char realip_status_page[];

#endif
