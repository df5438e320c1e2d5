#!/bin/sh
# Gets the oldest supported ffmpeg, for the tests that also read recordings with it: Debian 12's 5.1.
# Uses the system's if it has that version, else unpacks it into .state/ffmpeg-5.1. It is not installed,
# and apt works in a separate folder. If it is not available, this says why and ends with 0, and those
# tests are skipped. It downloads about 110 MB and keeps about 235 MB.
set -eu
cd "$(dirname "$0")/.."

target=.state/ffmpeg-5.1
work=$target.download

skip() {
    echo "ffmpeg 5.1 not found, so the tests that need it will be skipped: $1" >&2
    exit 0
}
finish() { [ "$?" = 0 ] || skip "tools/old_ffmpeg.sh failed; see its last lines"; }
trap finish EXIT

# Whether a program is an ffmpeg 5.1 that starts.
is_old() { "$1" -version 2>/dev/null | grep -q '^ffmpeg version n\?5\.1'; }

# In a script, since the sandbox around ffmpeg removes its environment but lets it read ../lib.
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
    command -v "$program" >/dev/null 2>&1 || skip "$program is needed to download it, but is missing"
done

mkdir -p "$work"
exec 9>"$work.lock"
flock 9 # another run may be doing the same
if is_old "$target/bin/ffmpeg"; then exit 0; fi

# The system's sources, proxies and keys, but separate lists and downloads, as if nothing were
# installed; and none of the system's hooks, which would write elsewhere.
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
    "" | "(none)") skip "apt finds no package ffmpeg; check the network connection. $(tail -n 1 "$here/said")" ;;
    *) skip "apt offers ffmpeg $offered here" ;;
esac

# All libraries except the C library, which is the system's, and display drivers. Lines of
# --print-uris: 'address' name_version_architecture.deb size hash.
apt apt-get install --print-uris -y --no-install-recommends ffmpeg 2>"$here/said" |
    sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_[^_ ]*[^l].deb .*/\1=\2/p" | sed 's/%3a/:/' |
    grep -v -E '^(libc6|libc-bin|gcc-[0-9]+-base|libllvm[0-9]+|libz3-4|libgl1-mesa-dri|libglx-mesa0)=' \
        >"$here/packages" || skip "apt cannot list ffmpeg's dependencies: $(tail -n 1 "$here/said")"
# shellcheck disable=SC2046 # one word a package
(cd "$here/debs" && apt apt-get download $(cat "$here/packages") >"$here/said" 2>&1) ||
    skip "a download failed: $(tail -n 1 "$here/said")"

# The loader lists which of the libraries are needed, and under which names.
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
    skip "the unpacked ffmpeg does not start: $("$here/made/bin/ffmpeg" -version 2>&1 | tail -n 1)"

rm -rf "$target"
mv "$here/made" "$target"
rm -rf "$work"
