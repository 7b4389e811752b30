#!/bin/bash
# docker-mailserver runs this before it starts Postfix: the listeners ask mail-realip's policyd and its milter, and HAProxy gets ports of its own.
# In monitor mode mail flows when mail-realip is not there; for enforce: unavailable='DEFER_IF_PERMIT 4.3.5 realip check unavailable'
set -euo pipefail
unavailable=DUNNO
milter=unix:/run/mail-realip/milter

# proxied PORT SERVICE/TYPE: a listener on PORT with the options of that one, which wants a PROXY header.
proxied() {
    local option
    postconf -M "$1/inet=$1 inet n - n - - smtpd"
    postconf -P "$2/*" | while IFS= read -r option; do
        postconf -P "$1/inet/${option#"$2/"}"
    done
    postconf -P "$1/inet/smtpd_upstream_proxy_protocol=haproxy" "$1/inet/syslog_name=postfix/$1"
}

# asks SERVICE/TYPE NAME: this smtpd asks policyd before all else, as the listener NAME of mail-realip.conf. By a parameter of our own, because an option
# in master.cf takes no spaces from postconf.
asks() {
    local before parameter=realip_${2//-/_}
    [ -n "$(postconf -M "$1" 2>/dev/null)" ] || {
        printf 'user-patches.sh: master.cf has no %s\n' "$1" >&2
        exit 1
    }
    before=$(postconf -Ph "$1/smtpd_client_restrictions" 2>/dev/null)
    [ -n "$before" ] || before=$(postconf -h smtpd_client_restrictions)
    [ "$before" != "\$$parameter" ] || return 0 # it ran before
    postconf "$parameter=check_policy_service { unix:/run/mail-realip/policy, timeout=3s, try_limit=2, policy_context=$2, { default_action = $unavailable } }${before:+, $before}"
    postconf -P "$1/smtpd_client_restrictions=\$$parameter" "$1/milter_macro_daemon_name=$2"
}

# filters: the milter reads each letter before OpenDKIM, OpenDMARC or Rspamd, which stay behind it and keep their own milter_default_action. It is told the listener's
# name by milter_macro_daemon_name, above: docker-mailserver's own name there, ORIGINATING, is nothing that its filters ask for.
filters() {
    local before action=tempfail
    before=$(postconf -h smtpd_milters)
    [[ $before != *"$milter"* ]] || return 0 # it ran before
    [ "$unavailable" != DUNNO ] || action=accept
    postconf "smtpd_milters={ $milter, default_action=$action }${before:+, $before}"
}

if [ -z "$(postconf -M 12525/inet 2>/dev/null)" ]; then
    proxied 12525 smtpd/pass
    proxied 10465 submissions/inet
fi
asks smtpd/pass smtp
asks submission/inet submission
asks submissions/inet submissions
asks 12525/inet smtp-proxied
asks 10465/inet submissions-proxied
filters
