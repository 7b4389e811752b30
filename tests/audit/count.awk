# Counts in a log of tests/bench/audit-log what `realipctl audit --infrastructure 10.0.20.0/24,fd00:20::/64 --proxies 10.0.20.13` counts, in
# another way: "KEY NUMBER" lines. Addresses are those of that log; nothing here is of realipctl.

function reason_of(address) {
    if (address == "10.0.20.13") return "proxy-shown"
    if (address ~ /^10\.0\.20\./ || address ~ /^fd00:20::/) return "infrastructure"
    return ""
}
function deed(what, address, service,    reason) {
    total[what]++
    reason = reason_of(address)
    if (reason != "") {
        seen[reason " " service " " what]++
        daily[$1 "-" $2 " " reason " " service " " what]++
        if (what == "mails" || what == "logins") { refused[what]++; by_reason[reason]++ }
    }
    return reason
}
function bracket(text,    rest) {
    rest = substr(text, index(text, "[") + 1)
    return substr(rest, 1, index(rest, "]") - 1)
}
function rip(text,    rest) {
    rest = substr(text, index(text, "rip=") + 4)
    sub(/[,)].*/, "", rest)
    return rest
}
{ lines++ }
$5 ~ /^postfix\/(submission\/|smtps\/)?smtpd\[/ {
    service = substr($5, 9); sub(/\[.*/, "", service)
    if ($6 == "connect" && $7 == "from") deed("connections", bracket($8), service)
    else if ($7 ~ /^client=/) {
        why = deed("mails", bracket($7), service)
        id = $4 " " $6
        if (why != "") { hidden[id] = 1; login[id] = ($8 ~ /^sasl_method=/) }
    } else if ($7 == "reject:") deed("rejected", bracket($10), service)
    else if ($8 == "SASL") deed("failed-logins", bracket($7), service)
    else if ($7 == "haproxy") { failures++; kind[$9 " " $10]++ }
}
$5 ~ /^postfix\/postscreen\[/ {
    if ($6 == "CONNECT") deed("connections", bracket($8), "postscreen")
    else if ($7 == "haproxy") { failures++; kind[$9 " " $10]++ }
}
$5 ~ /^postfix\/(smtp|lmtp)\[/ {
    total["deliveries"]++
    status = $0; sub(/.*, status=/, "", status); sub(/ .*/, "", status)
    total[status]++
    if (status == "sent" && $5 ~ /^postfix\/smtp\[/ && (($4 " " $6) in hidden)) total[login[$4 " " $6] ? "relayed-login" : "relayed"]++
}
$5 ~ /^postfix\/qmgr\[/ && $7 == "removed" { delete hidden[$4 " " $6] }
$5 == "dovecot:" {
    service = $6; sub(/-login:$/, "", service)
    if ($7 == "Login:") deed("logins", rip($0), service)
    else if ($0 ~ /\(auth failed/) deed("failed-logins", rip($0), service)
    else if ($8 == "haproxy:") { failures++; kind[$9 " " $10 " " $11]++ }
}
$5 ~ /^fail2ban/ { total["bans"]++; if (reason_of($9) != "") total["own-bans"]++ }
END {
    print "lines", lines
    for (key in total) print key, total[key]
    print "proxy-failures", failures + 0
    for (key in refused) print "refused-" key, refused[key]
    for (key in by_reason) print "reason-" key, by_reason[key]
    for (key in seen) { split(key, part, " "); print "seen:" part[1] ":" part[2] ":" part[3], seen[key] }
    for (key in daily) { split(key, part, " "); print "daily:" part[1] ":" part[2] ":" part[3] ":" part[4], daily[key] }
    print "kind:no-header", kind["timeout error"] + kind["time limit"] + kind["Client timed out"]
    print "kind:client-spoke", kind["short protocol"] + 0
    print "kind:not-trusted", kind["Client not trusted"] + 0
}
