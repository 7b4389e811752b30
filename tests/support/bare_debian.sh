# shellcheck shell=bash
# Bare Debian systems in folders, for the tests that need a machine of their own. To be sourced; the caller has `suite` (bookworm,
# trixie), `work` (a folder for logs), `root` (the empty folder that it becomes), and pass and fail, which count.
# shellcheck disable=SC2154 # the caller's

# Where this machine's apt has Debian from (LABEL Debian or Debian-Security); nothing when it can't say.
mirror_of_this_machine() {
    # shellcheck disable=SC2016 # the dollar is apt's
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" 2>/dev/null |
        head -n 1 || true
}

cache_folder() {
    local folder
    for folder in /var/cache "${XDG_CACHE_HOME:-/nonexistent}"; do
        if mkdir -p "$folder/mail-realip" 2>/dev/null; then
            printf '%s\n' "$folder/mail-realip"
            return
        fi
    done
}

have_debootstrap() {
    command -v debootstrap >/dev/null || {
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap
    } >"$work/debootstrap-install.log" 2>&1
}

make_base() {
    local mirror include=()
    mirror=$(mirror_of_this_machine Debian)
    have_debootstrap || return
    [ "${mirror#https:}" = "$mirror" ] || include=(--include=ca-certificates)
    timeout 600 debootstrap --variant=minbase "${include[@]}" "$suite" "$root" ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1
}

# A tar from the cache, written under another name first: a reader never meets half of one.
bare_debian() {
    local cache tar='' start=$SECONDS
    cache=$(cache_folder)
    [ -z "$cache" ] || tar=$cache/$suite-$(dpkg --print-architecture).tar
    if [ -n "$tar" ] && [ -n "$(find "$tar" -mtime -1 2>/dev/null)" ] && tar -C "$root" --numeric-owner -xpf "$tar"; then
        pass "bare Debian $suite, kept from less than a day ago"
        return
    fi
    if ! make_base; then
        tail -n 15 "$work"/debootstrap*.log
        fail "debootstrap $suite"
        return 1
    fi
    pass "bare Debian $suite by debootstrap, $((SECONDS - start)) s"
    if [ -n "$tar" ]; then
        (tar -C "$root" --numeric-owner -cpf "$tar.$$" . && mv "$tar.$$" "$tar") || rm -f "$tar.$$"
    fi
}

# How to reach the archive, as this machine does it; a bare Debian knows its security archive, too.
copy_network_settings() {
    local security mirror
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::([^ ]*Proxy(::[^ ]*)?|Check-Valid-Until|Check-Date) "' \
        >"$root/etc/apt/apt.conf.d/90this-machine" || true
    security=$(mirror_of_this_machine Debian-Security)
    mirror=$(mirror_of_this_machine Debian)
    [ -z "$mirror" ] || printf 'deb %s %s-updates main\n' "$mirror" "$suite" >>"$root/etc/apt/sources.list"
    [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$suite" >>"$root/etc/apt/sources.list"
}

# `ip netns` makes the root folder's mounts private and a new /sys: so the root must be a mount of its own, /sys must
# be mounted and /run must take new mounts.
mount_all() {
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mkdir "$root/run/lock"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/zero" c 1 5
    mknod -m 666 "$root/dev/full" c 1 7
    mknod -m 666 "$root/dev/random" c 1 8
    mknod -m 666 "$root/dev/urandom" c 1 9
    mknod -m 666 "$root/dev/tty" c 5 0
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
}
