#!/bin/sh
# The oldest ffmpeg that is supported, for the tests that read recordings with it as well: Debian 12's
# 5.1, the system's where that is it, else unpacked into .state/ffmpeg-5.1. It is not installed, and
# apt works in a folder of its own. Where it cannot be had, this says why and ends with 0: those tests
# are skipped then. It downloads about 110 MB and keeps about 235 MB.
set -eu
cd "$(dirname "$0")/.."

target=.state/ffmpeg-5.1
work=$target.download

skip() {
    echo "There is no ffmpeg 5.1, and the tests that need it will be skipped: $1" >&2
    exit 0
}
finish() { [ "$?" = 0 ] || skip "tools/old_ffmpeg.sh failed; its last lines say why"; }
trap finish EXIT

# Whether a program is an ffmpeg 5.1 that starts.
is_old() { "$1" -version 2>/dev/null | grep -q '^ffmpeg version n\?5\.1'; }

# In a script, as the sandbox around ffmpeg takes its environment away and lets it read ../lib.
write_start() {
    cat >"$1" <<'END'
#!/bin/sh
lib=${0%/*}/../lib
LD_LIBRARY_PATH=$lib exec "$lib/ffmpeg" "$@"
END
    chmod +x "$1"
}

if is_old "$target/bin/ffmpeg"; then exit 0; fi

system=$(command -v ffmpeg || true)
if [ -n "$system" ] && is_old "$system"; then
    rm -rf "$target"
    mkdir -p "$target/bin"
    ln -s "$system" "$target/bin/ffmpeg"
    exit 0
fi

release=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_CODENAME:-}" || true)
[ "$release" = "debian bookworm" ] || skip "only Debian 12 (bookworm) has that package"
for program in apt-get apt-cache dpkg-deb flock; do
    command -v "$program" >/dev/null 2>&1 || skip "it is fetched with $program, which is not here"
done

mkdir -p "$work"
exec 9>"$work.lock"
flock 9 # another run may be at it
if is_old "$target/bin/ffmpeg"; then exit 0; fi

# The system's sources, proxies and keys, but lists and downloads of our own, on a machine where nothing
# is installed; and none of the system's hooks, which would write elsewhere.
here=$(pwd)/$work
mkdir -p "$here/state/lists/partial" "$here/cache/archives/partial" "$here/debs"
: >"$here/state/status"
cat >"$here/apt.conf" <<END
Dir::State "$here/state";
Dir::State::status "$here/state/status";
Dir::Cache "$here/cache";
Dir::Log "$here";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architectures { "$(dpkg --print-architecture)"; };
Acquire::Languages "none";
Acquire::IndexTargets::deb-src::Sources::DefaultEnabled "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
END
apt() { command="$1"; shift; "$command" -q -c "$here/apt.conf" "$@" 9>&-; }

echo "Fetching ffmpeg 5.1 of Debian 12, about 110 MB ..."
apt apt-get update >"$here/said" 2>&1 || skip "apt-get update failed: $(tail -n 1 "$here/said")"
offered=$(apt apt-cache policy ffmpeg | sed -n 's/^ *Candidate: *//p')
case $offered in
    *:5.1.*) ;;
    "" | "(none)") skip "apt finds no package ffmpeg; is there a network? $(tail -n 1 "$here/said")" ;;
    *) skip "apt offers ffmpeg $offered here" ;;
esac

# All libraries but the C library, which is the system's, and drivers of screens. Lines of
# --print-uris: 'address' name_version_architecture.deb size hash.
apt apt-get install --print-uris -y --no-install-recommends ffmpeg 2>"$here/said" |
    sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_[^_ ]*[^l].deb .*/\1=\2/p" | sed 's/%3a/:/' |
    grep -v -E '^(libc6|libc-bin|gcc-[0-9]+-base|libllvm[0-9]+|libz3-4|libgl1-mesa-dri|libglx-mesa0)=' \
        >"$here/packages" || skip "apt cannot tell what ffmpeg needs: $(tail -n 1 "$here/said")"
# shellcheck disable=SC2046 # one word a package
(cd "$here/debs" && apt apt-get download $(cat "$here/packages") >"$here/said" 2>&1) ||
    skip "a download failed: $(tail -n 1 "$here/said")"

# The loader itself tells which of the libraries are needed, and under which names.
rm -rf "$here/root" "$here/made"
mkdir -p "$here/root" "$here/made/bin" "$here/made/lib"
for package in "$here"/debs/*.deb; do
    dpkg-deb -x "$package" "$here/root" || skip "$package cannot be unpacked"
done
cp "$here/root/usr/bin/ffmpeg" "$here/made/lib/ffmpeg"
folders=$(find "$here/root" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' ':')
LD_TRACE_LOADED_OBJECTS=1 LD_LIBRARY_PATH=$folders "$here/made/lib/ffmpeg" |
    sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' |
    while read -r name path; do
        case $path in "$here"/*) cp -L "$path" "$here/made/lib/$name" ;; esac
    done
write_start "$here/made/bin/ffmpeg"
is_old "$here/made/bin/ffmpeg" ||
    skip "what was unpacked does not start: $("$here/made/bin/ffmpeg" -version 2>&1 | tail -n 1)"

rm -rf "$target"
mv "$here/made" "$target"
rm -rf "$work"
