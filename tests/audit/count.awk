# Counts in a log of tests/bench/audit-log what `realipctl audit --infrastructure 10.0.20.0/24,fd00:20::/64 --proxies 10.0.20.13` counts, in
# another way: "KEY NUMBER" lines. Addresses are those of that log; nothing here is of realipctl.

function reason_of(address) {
    if (address == "10.0.20.13") return "proxy-shown"
    if (address ~ /^10\.0\.20\./ || address ~ /^fd00:20::/) return "infrastructure"
    return ""
}
function deed(what, address, service, day,    reason) {
    total[what]++
    reason = reason_of(address)
    if (reason != "") {
        seen[reason " " service " " what]++
        daily[day " " reason " " service " " what]++
        if (what == "mails" || what == "logins") { refused[what]++; by_reason[reason]++ }
    }
}
function accept(id) {
    if (!(id in giver) || id in accepted) return
    accepted[id] = 1
    deed("mails", giver[id], at[id], since[id])
}
function refuse(id) {
    if (!(id in giver)) return
    total["letters-refused"]++
    delete kept[id]
    deed("rejected", giver[id], at[id], today)
}
function forget(id) { delete giver[id]; delete accepted[id]; delete kept[id]; delete hidden[id]; delete login[id]; delete went[id] }
# What stands behind a word of the line, up to a comma or the end.
function value(word,    rest) {
    if (!(rest = index($0, word))) return ""
    rest = substr($0, rest + length(word)); sub(/,.*/, "", rest)
    return rest
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
{ lines++; today = $1 "-" $2 }
$5 ~ /^postfix\/(submission\/|smtps\/)?smtpd\[/ {
    service = substr($5, 9); sub(/\[.*/, "", service)
    process = $4 " " $5
    if ($6 == "connect" && $7 == "from") deed("connections", bracket($8), service, today)
    else if ($7 ~ /^client=/) {
        id = $6 == "NOQUEUE:" ? process : $4 " " $6
        before = value(", orig_queue_id="); origin = bracket(value(", orig_client="))
        if (before != "") { total["letters-returned"]++; hidden[id] = hidden[$4 " " before ":"]; login[id] = login[$4 " " before ":"] }
        else if (origin != "") { total["letters-returned"]++; hidden[id] = reason_of(origin) != "" }
        else {
            total["letters-begun"]++
            giver[id] = bracket($7); at[id] = service; since[id] = today
            hidden[id] = reason_of(giver[id]) != ""; login[id] = ($8 ~ /^sasl_method=/)
        }
    } else if ($7 == "reject:" || $7 == "milter-reject:") deed("rejected", bracket($10), service, today)
    else if ($8 == "SASL") deed("failed-logins", bracket($7), service, today)
    else if ($7 == "haproxy") { failures++; kind[$9 " " $10]++ }
    else if ($6 == "proxy-accept:") {
        name = $0; sub(/.* queued as /, "", name); sub(/;.*/, "", name)
        accept(process); login[$4 " " name ":"] = login[process]; forget(process)
    } else if ($6 == "proxy-reject:") { refuse(process); forget(process) }
}
$5 ~ /^postfix\/cleanup\[/ {
    id = $4 " " $6
    if ($7 == "milter-reject:") refuse(id)
    else if ($7 == "milter-hold:" || $7 == "milter-discard:") { if (id in giver) kept[id] = 1 }
    else if ($7 == "removed") { if ($8 == "(discarded)") accept(id); forget(id) }
}
$5 ~ /^postfix\/postscreen\[/ {
    if ($6 == "CONNECT") deed("connections", bracket($8), "postscreen", today)
    else if ($7 == "haproxy") { failures++; kind[$9 " " $10]++ }
}
$5 ~ /^postfix\/(amavisfeed\/)?(smtp|lmtp)\[/ {
    total["deliveries"]++
    status = $0; sub(/.*, status=/, "", status); sub(/ .*/, "", status)
    total[status]++
    id = $4 " " $6
    if (status == "sent" && $5 ~ /^postfix\/smtp\[/ && hidden[id]) {
        total[login[id] ? "relayed-login" : "relayed"]++
        if (!(id in went)) total[login[id] ? "relayed-letters-login" : "relayed-letters"]++
        went[id] = 1
    }
}
$5 ~ /^postfix\/qmgr\[/ { id = $4 " " $6; if ($7 == "removed") forget(id); else accept(id) }
$5 == "dovecot:" {
    service = $6; sub(/-login:$/, "", service)
    if ($7 == "Login:") deed("logins", rip($0), service, today)
    else if ($0 ~ /\(auth failed/) deed("failed-logins", rip($0), service, today)
    else if ($8 == "haproxy:") { failures++; kind[$9 " " $10 " " $11]++ }
}
$5 ~ /^fail2ban/ { total["bans"]++; if (reason_of($9) != "") total["own-bans"]++ }
END {
    for (id in kept) accept(id)
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
