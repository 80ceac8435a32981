#!/bin/sh
# What action.yml runs: find fickgate, find out what the workflow is about, scan that.
# Inputs come as INPUT_*, everything else from the runner. POSIX sh; nothing from the event is evaluated.
set -eu
export LC_ALL=C GIT_NO_REPLACE_OBJECTS=1

finish() {
    printf 'exit-code=%s\n' "$1" >>"$GITHUB_OUTPUT"
    exit "$1"
}

# fail MESSAGE REMEDY: could not do the job.
fail() {
    printf '::error title=fickgate::%s%%0Ahelp: %s\n' "$1" "$2"
    finish 2
}

# --- fickgate itself -------------------------------------------------------------------------------

sha256() {
    # From standard input: a name with a backslash would change what is printed.
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi <"$1" | cut -d ' ' -f 1
}

install() {
    if [ -n "$INPUT_BINARY_PATH" ]; then
        [ -x "$INPUT_BINARY_PATH" ] || fail "binary-path names nothing that can be run" "check the path"
        fickgate=$INPUT_BINARY_PATH
        return
    fi
    case $RUNNER_OS-$RUNNER_ARCH in
        Linux-X64) target=x86_64-unknown-linux-musl ;;
        Linux-ARM64) target=aarch64-unknown-linux-musl ;;
        macOS-X64) target=x86_64-apple-darwin ;;
        macOS-ARM64) target=aarch64-apple-darwin ;;
        Windows-X64) target=x86_64-pc-windows-msvc ;;
        Windows-ARM64) target=aarch64-pc-windows-msvc ;;
        *) target=none ;;
    esac
    own=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$GITHUB_ACTION_PATH/Cargo.toml" | head -n 1)
    version=${INPUT_VERSION:-$own}
    version=${version#v}
    folder=$RUNNER_TEMP/fickgate-$version
    fickgate=$folder/bin/fickgate
    [ "$RUNNER_OS" != Windows ] || fickgate=$fickgate.exe
    [ ! -x "$fickgate" ] || return 0
    mkdir -p "$folder/bin"

    asset=fickgate-v$version-$target.tar.gz
    wanted=$(awk -v asset="$asset" '$2 == asset { print $1 }' "$GITHUB_ACTION_PATH/action/checksums.txt")
    if [ -n "$wanted" ] && download; then
        # A relative name: tar takes what stands before a colon, as in C:, for a host.
        cd "$folder/bin"
        tar -xzf "../$asset"
        cd "$GITHUB_WORKSPACE"
        return
    fi
    [ "$version" = "$own" ] ||
        fail "there is no checksum for $asset in this version of the action" "use the action at v$version"
    command -v cargo >/dev/null ||
        fail "no released fickgate for $RUNNER_OS-$RUNNER_ARCH could be had" "set binary-path, or install Rust"
    cargo install --locked --quiet --path "$GITHUB_ACTION_PATH" --root "$folder" ||
        fail "fickgate could not be built from the action's source" "set binary-path to one that is built"
}

# Gets the release; only one whose checksum stands in the action's tree is ever unpacked.
download() {
    repository=${GITHUB_ACTION_REPOSITORY:-$GITHUB_REPOSITORY}
    url=$GITHUB_SERVER_URL/$repository/releases/download/v$version/$asset
    curl --proto '=https' --tlsv1.2 --retry 3 -fsSL -o "$folder/$asset" "$url" || return 1
    [ "$(sha256 "$folder/$asset")" = "$wanted" ] ||
        fail "$asset does not have the checksum in the action's tree" "do not use it, and report it"
    [ "$INPUT_VERIFY_ATTESTATION" != true ] ||
        gh attestation verify "$folder/$asset" --repo "$repository" ||
        fail "the provenance of $asset could not be verified" "do not use it, and report it"
}

# --- what to scan ----------------------------------------------------------------------------------

# In a container job the workspace belongs to another user, and git refuses it. Say for this run only
# that it is ours, beside the settings that are there.
own_workspace() {
    case $(git rev-parse --git-dir 2>&1) in
        *"dubious ownership"*) ;;
        *) return 0 ;;
    esac
    home=$RUNNER_TEMP/fickgate-home
    mkdir -p "$home"
    git config --file "$home/.gitconfig" include.path "${HOME:-/}/.gitconfig"
    git config --file "$home/.gitconfig" --replace-all safe.directory "$PWD"
    export HOME="$home"
}

field() { printf '%s\n' "$event" | sed -n "s/^$1=//p"; }

has() { git cat-file -e "$1^{commit}" 2>/dev/null; }

# fetch WHAT: from origin. A depth would truncate a full clone, so it is for shallow ones.
fetch() {
    depth=
    [ "$(git rev-parse --is-shallow-repository)" != true ] || depth=--depth=1
    git fetch --quiet --no-tags ${depth:+"$depth"} origin "$1"
}

# need COMMIT: fetches it where it is not here.
need() {
    has "$1" || fetch "$1" || true
    has "$1" || fail "commit $1, which this is compared with, is not in the clone" \
        "give actions/checkout fetch-depth: 2 for pull requests, or 0"
}

# branch NAME: its commit, from the clone or its origin.
branch() {
    git rev-parse --verify --quiet "refs/remotes/origin/$1^{commit}" && return
    fetch "refs/heads/$1" && git rev-parse --verify --quiet 'FETCH_HEAD^{commit}'
}

# Sets `range`, or leaves it empty for the whole tree.
choose() {
    range=
    head=$(git rev-parse --verify --quiet HEAD) ||
        fail "this is no clone with a commit" "run actions/checkout before fickgate"
    case $INPUT_BASE in
        '') ;;
        -*) fail "base begins with a dash" "name a branch, a commit or a range" ;;
        *..*) range=$INPUT_BASE ;;
        *)
            base=$(git rev-parse --verify --quiet "$INPUT_BASE^{commit}") || base=$(branch "$INPUT_BASE") ||
                base=$INPUT_BASE
            need "$base"
            range=$base...HEAD
            ;;
    esac
    [ -z "$range" ] || return 0

    event=$("$fickgate" event "$GITHUB_EVENT_PATH") || fail "the event file cannot be read" "set the input base"
    case $GITHUB_EVENT_NAME in
        pull_request | pull_request_target)
            base=$(field base)
            # GitHub's merge of the pull request into its base: the first parent is that base, and the
            # difference to it is exactly what merging would bring. Read from the commit itself, since a
            # clone of depth 1 hides parents. A merge by somebody else is not taken for it.
            parents=$(git cat-file commit HEAD | sed -n '/^$/q; s/^parent //p')
            first=${parents%%[!0-9a-f]*}
            if [ "$head" = "$GITHUB_SHA" ] && [ "${parents#"$first"}" = "
$(field head)" ]; then
                need "$first"
                range=$first..HEAD
                return
            fi
            [ "$head" != "$base" ] || fail "the checkout is the pull request's base, not its change" \
                "use the event pull_request, and actions/checkout without ref"
            need "$base"
            range=$base...HEAD
            ;;
        merge_group)
            base=$(field base)
            need "$base"
            range=$base..HEAD
            ;;
        push)
            before=$(field before)
            case $before in
                *[!0]*)
                    need "$before"
                    range=$before..HEAD
                    ;;
                *)
                    # A new branch: what it has beyond the default branch. The first push is that branch.
                    default=$(field default-branch)
                    [ "$GITHUB_REF" != "refs/heads/$default" ] || return 0
                    base=$(branch "$default") ||
                        fail "the default branch cannot be fetched" "give actions/checkout fetch-depth: 0"
                    range=$base...HEAD
                    ;;
            esac
            ;;
        *) ;;
    esac
}

# --- the scan --------------------------------------------------------------------------------------

# Lines of INPUT_POLICY and INPUT_PATHS become arguments one by one.
scan() {
    set -f
    IFS='
'
    for file in $INPUT_POLICY; do set -- "$@" --policy "$file"; done
    if [ -n "$INPUT_PATHS" ]; then
        # shellcheck disable=SC2086
        set -- "$@" -- $INPUT_PATHS
    elif [ -n "$range" ]; then
        # Without the flag, fickgate takes the base's policy.
        [ "$INPUT_POLICY_FROM" = base ] || set -- "$@" --policy-from "$INPUT_POLICY_FROM"
        set -- "$@" --diff "$range"
    else
        set -- "$@" -- .
    fi
    code=0
    "$fickgate" "$@" || code=$?
    finish "$code"
}

cd "$GITHUB_WORKSPACE"
case $INPUT_SARIF_FILE in
    *"
"*) fail "sarif-file has more than one line" "name one file" ;;
esac
install
own_workspace
range=
[ -n "$INPUT_PATHS" ] || choose
set -- --format "$INPUT_FORMAT" --fail-on "$INPUT_FAIL_ON" --report "outputs=$GITHUB_OUTPUT"
[ "$INPUT_SUMMARY" != true ] || set -- "$@" --report "summary=$GITHUB_STEP_SUMMARY"
if [ -n "$INPUT_SARIF_FILE" ]; then
    set -- "$@" --report "sarif=$INPUT_SARIF_FILE"
    printf 'sarif-file=%s\n' "$INPUT_SARIF_FILE" >>"$GITHUB_OUTPUT"
fi
scan "$@"
