# shellcheck shell=bash
# What can be typed behind realipctl, for bash and zsh alike; `make` puts it into both files. tests/cli/completion compares it with what
# each --help says.
_realipctl_subcommands() {
    echo check doctor export networks compile explain audit probe healthcheck proxy-header
}

# The options of a subcommand; of realipctl itself where there is none.
_realipctl_options() {
    case $1 in
        '') echo -c --help --version ;;
        check) echo --help ;;
        doctor) echo --postfix --dovecot --haproxy --nginx --setup --only --json --list --help ;;
        export) echo --to --check --server --selector --namespace --name --listener --login-trusted --plugin --help ;;
        networks) echo --set --sources --compiled --http --presets --json --help ;;
        compile) echo -o --help ;;
        explain) echo --client --peer --listener --service --port --user --at --as --client-name --suspected --message --json \
            --recent --session --http --token-file --help ;;
        audit) echo --infrastructure --proxies --internal --json --html --jobs --help ;;
        probe) echo --ipv4 --ipv6 --protocol --tls --starttls --as --role --say --no-mail --explain --token-file --timeout --total \
            --expect --json --help ;;
        healthcheck) echo --proxy --protocol --tls --timeout --help ;;
        proxy-header) echo --v1 --local --source --destination --ipv6 --udp --tlv --crc32c --raw --help ;;
    esac
}

# What stands behind an option: "file", "folder", "word" and some words, "any" for what nobody can list; nothing where the option
# takes no value.
_realipctl_value() {
    case "$1 $2" in
        *' -c' | 'doctor --dovecot' | 'doctor --haproxy' | 'doctor --nginx' | 'export --to' | 'export --check' | 'export --plugin' | \
            'compile -o' | 'networks --compiled' | 'explain --message' | 'audit --html' | *' --token-file') echo file ;;
        'doctor --postfix' | 'doctor --setup') echo folder ;;
        'networks --set') echo word infrastructure proxies internal probers relays own ;;
        'explain --at') echo word connect mail auth ;;
        'explain --as') echo word policyd milter dovecot ;;
        'explain --peer') echo word gone ;;
        'explain --client') echo word none ;;
        *' --protocol') echo word smtp submission lmtp imap pop3 sieve ;;
        'probe --role') echo word stranger proxy ;;
        'probe --expect') echo word forbids-proxy takes-both wants-proxy takes-strangers may-take-strangers refuses-strangers hangs-up unreachable \
            silent no-mail-server ;;
        'probe --say') echo word plain v1 v2 local other-family ;;
        'healthcheck --proxy') echo word local v1 v2 none ;;
        'doctor --only' | 'export --'[a-km-z]* | 'export --listener' | 'explain --'[lpsuhr]* | 'explain --client-name' | \
            'audit --in'* | 'audit --proxies' | 'audit --jobs' | 'probe --as' | 'probe --timeout' | 'probe --total' | 'probe --explain' | \
            'networks --http' | 'healthcheck --timeout' | 'proxy-header --source' | 'proxy-header --destination' | 'proxy-header --tlv')
            case $2 in --suspected | --help) ;; *) echo any ;; esac ;;
    esac
}

# What stands there as a word of its own.
_realipctl_argument() {
    case $1 in
        '') echo word "$(_realipctl_subcommands)" ;;
        export) echo word haproxy nftables networkpolicy dovecot postfix fail2ban crowdsec rspamd spamassassin ;;
        proxy-header) echo word decode encode ;;
        networks) echo word diff ;;
        audit) echo file ;;
    esac
}
