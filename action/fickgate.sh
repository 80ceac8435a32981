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
    # From the action's folder: rustup and cargo obey files of the current one, and of those above it.
    (cd "$GITHUB_ACTION_PATH" && cargo install --locked --quiet --path . --root "$folder") ||
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
    GIT_TERMINAL_PROMPT=0 git fetch --quiet --no-tags ${depth:+"$depth"} origin "$1"
}

# need COMMIT: fetches it where it is not here.
need() {
    has "$1" || fetch "$1" || true
    has "$1" || fail "commit $1, which this is compared with, is not in the clone" \
        "give actions/checkout fetch-depth: 2 for pull requests, or 0"
}

# tip BRANCH: where origin has it now, else as far as this clone knows. A tag of that name is no branch.
tip() {
    # git lists every ref that ends so, such as refs/heads/x/refs/heads/main.
    at=$(GIT_TERMINAL_PROMPT=0 git ls-remote origin "refs/heads/$1" 2>/dev/null |
        awk -v ref="refs/heads/$1" '$2 == ref { print $1 }')
    if [ -n "$at" ]; then
        has "$at" || fetch "refs/heads/$1" || true
        if has "$at"; then
            printf '%s\n' "$at"
            return
        fi
    fi
    git rev-parse --verify --quiet "refs/remotes/origin/$1^{commit}"
}

ancestor() { git merge-base --is-ancestor "$1" "$2" 2>/dev/null; }

# Sets `parents` to those of HEAD, a line each. Read from the commit itself: a clone of depth 1 hides them.
read_parents() { parents=$(git cat-file commit HEAD | sed -n '/^$/q; s/^parent //p'); }

# contains COMMIT: whether HEAD is it, a merge of it into something, or was built on it.
contains() {
    [ "$head" != "$1" ] || return 0
    [ "$(printf '%s\n' "$parents" | sed -n 2p)" != "$1" ] || return 0
    has "$1" && ancestor "$(git rev-parse --verify --quiet "$1^{commit}")" HEAD
}

# about COMMIT WHAT: ends where HEAD does not contain what the event is about.
about() {
    contains "$1" || fail "the checkout is not the $2 that the event $GITHUB_EVENT_NAME is about, $1: it is $head" "$3"
}

# Sets `range`, or leaves it empty for the whole tree, and `policy` to the commit whose policy judges, or
# leaves it empty where nothing says whose.
choose() {
    range='' policy=''
    if ! head=$(git rev-parse --verify --quiet 'HEAD^{commit}'); then
        [ -n "$INPUT_PATHS" ] || fail "this is no clone with a commit" "run actions/checkout before fickgate"
        case $(field kind) in
            other) return 0 ;;
            *) fail "this is no clone with a commit, and the event $GITHUB_EVENT_NAME has a base" \
                "run actions/checkout before fickgate: the policy of the base is in it" ;;
        esac
    fi
    read_parents
    case $(field kind) in
        pull-request) choose_pull_request ;;
        merge-group) choose_merge_group ;;
        push) choose_push ;;
        commit) choose_commit ;;
        unknown) fail "the event $GITHUB_EVENT_NAME is about a pull request and does not say which commit" \
            "judge pull requests in the event pull_request" ;;
        *)
            about "$GITHUB_SHA" commit "give actions/checkout no ref, or ref: \${{ github.sha }}"
            # What was built on that commit is a change to it, and does not judge itself.
            if [ "$head" != "$GITHUB_SHA" ]; then
                need "$GITHUB_SHA"
                policy=$GITHUB_SHA
            fi
            # Nor does what is on another branch than the default one: its commits get the same check.
            default=$(field default-branch)
            case $default in
                '') ;;
                *) [ "$GITHUB_REF" = "refs/heads/$default" ] || policy=$(tip "$default") ||
                    fail "the default branch cannot be fetched" "give actions/checkout fetch-depth: 0" ;;
            esac
            ;;
    esac
    [ -z "$INPUT_BASE" ] || choose_base
}

choose_pull_request() {
    about "$(field head)" "pull request's change" \
        "use the event pull_request and actions/checkout without ref, or with ref: \${{ github.event.pull_request.head.sha }} and fetch-depth: 0; what is checked out is not its change"
    base=$(field base)
    branch=$(field base-ref)
    policy=
    [ -z "$branch" ] || policy=$(tip "$branch") || policy=
    # GitHub's merge of the pull request into its base: the first parent is that base, and the difference
    # to it is exactly what merging would bring. A merge by somebody else is not taken for it.
    first=${parents%%[!0-9a-f]*}
    if [ "${parents#"$first"}" = "
$(field head)" ] && { [ "$head" = "$GITHUB_SHA" ] || [ "$first" = "$base" ] || [ "$first" = "$policy" ]; }; then
        need "$first"
        range=$first..HEAD
        policy=${policy:-$first}
        return
    fi
    if [ -z "$policy" ]; then
        need "$base"
        policy=$base
    fi
    range=$policy...HEAD
}

choose_merge_group() {
    about "$(field head)" "merge group's change" "give actions/checkout no ref, or ref: \${{ github.event.merge_group.head_sha }}"
    base=$(field base)
    need "$base"
    range=$base..HEAD
    policy=$base
    # A group behind another one is based on that one, whose policy was approved and is not in the branch yet.
    branch=$(field base-ref)
    [ -n "$branch" ] && tip=$(tip "$branch") && ancestor "$base" "$tip" && policy=$tip
    return 0
}

# A check, a run, a status, a deployment: of a commit that is not the one the workflow runs for.
choose_commit() {
    commit=$(field head)
    about "$commit" commit "give actions/checkout ref: $commit and fetch-depth: 0"
    default=$(field default-branch)
    if [ -z "$default" ] || ! policy=$(tip "$default"); then
        fail "the default branch, whose policy judges, cannot be fetched" "give actions/checkout fetch-depth: 0"
    fi
    # What the default branch has already is judged whole.
    ancestor HEAD "$policy" || range=$policy...HEAD
}

choose_push() {
    after=$(field after)
    case $after in
        *[!0]*) ;;
        *) fail "the push removes $GITHUB_REF: there is nothing to judge" "leave such events out: if: github.event.deleted == false" ;;
    esac
    # A tag that is an object of its own stands for its commit.
    case $GITHUB_REF in
        refs/tags/*) contains "$after" || after=$GITHUB_SHA ;;
    esac
    about "$after" "pushed commit" "give actions/checkout no ref, or ref: \${{ github.sha }}"
    before=$(field before)
    default=$(field default-branch)
    case $before in
        *[!0]*)
            # No other branch: a ruleset can call every branch protected, and whoever pushes twice to one of their
            # own would be judged by the policy of the first push.
            if [ "$GITHUB_REF" = "refs/heads/$default" ]; then
                has "$before" || fetch "$before" 2>/dev/null || true
                if has "$before"; then
                    range=$before..HEAD
                    policy=$before
                    return
                fi
                say "the commit before this push, $before, is on no server any more"
            fi
            ;;
    esac
    if [ "$GITHUB_REF" = "refs/heads/$default" ]; then
        # The first push of the default branch, or one that replaced it: there is nothing to compare with.
        case $before in *[!0]*) say "every file is judged instead, by its own policy" ;; esac
        return 0
    fi
    policy=$(tip "$default") ||
        fail "the default branch cannot be fetched" "give actions/checkout fetch-depth: 0"
    case $before in
        *[!0]*) has "$before" || say "compared with the merge base with $default instead" ;;
    esac
    range=$policy...HEAD
}

# say TEXT: a notice in the log and on the run's page.
say() { printf '::notice title=fickgate::%s\n' "$1"; }

# The input `base`: names mean branches of origin, never tags.
choose_base() {
    case $INPUT_BASE in
        -*) fail "base begins with a dash" "name a branch, a commit or a range" ;;
        ..* | *..) fail "a range in the input base has an empty end, which would be the checkout itself" \
            "write both ends, or the base alone, such as base: main" ;;
        *..*)
            range=$INPUT_BASE
            policy=${INPUT_BASE%%..*}
            return
            ;;
        refs/tags/*)
            has "$INPUT_BASE" || fetch "$INPUT_BASE:$INPUT_BASE" || true
            policy=$INPUT_BASE
            ;;
        *)
            name=${INPUT_BASE#refs/heads/}
            name=${name#refs/remotes/}
            policy=$(tip "${name#origin/}") || policy=$INPUT_BASE
            case ${#INPUT_BASE}$INPUT_BASE in
                40*[!0-9a-f]* | 64*[!0-9a-f]*) ;;
                40* | 64*) need "$INPUT_BASE" ;;
            esac
            ;;
    esac
    range=$policy...HEAD
}

# --- the scan --------------------------------------------------------------------------------------

# Lines of INPUT_POLICY and INPUT_PATHS become arguments one by one.
scan() {
    set -f
    IFS='
'
    for file in $INPUT_POLICY; do set -- "$@" --policy "$file"; done
    # A range is judged by the policy of its own base, without being told.
    if [ "$INPUT_POLICY_FROM" != base ]; then
        set -- "$@" --policy-from "$INPUT_POLICY_FROM"
    elif [ -n "$policy" ] && { [ -n "$INPUT_PATHS" ] || [ "${range%%..*}" != "$policy" ]; }; then
        set -- "$@" --policy-from "$policy"
    fi
    if [ -n "$INPUT_PATHS" ]; then
        here=$(pwd -P)
        for path in $INPUT_PATHS; do
            # A link is followed where it is named, and a change can put one in the place of what the workflow names.
            [ ! -L "$path" ] || fail "paths has a symbolic link" "name what it leads to"
            case $path in /*) continue ;; esac
            led=$(cd "$(dirname "$path")" 2>/dev/null && pwd -P) || continue
            case $led/ in
                "$here"/*) ;;
                *) fail "paths leads out of the workspace through a link or .." "name the folder itself" ;;
            esac
        done
        # shellcheck disable=SC2086
        set -- "$@" -- $INPUT_PATHS
    elif [ -z "$range" ]; then
        set -- "$@" -- .
    elif [ "${INPUT_HISTORY:-}" = true ]; then
        # Every commit, also what a later one takes away again.
        set -- "$@" --history "${range%%..*}..${range##*..}"
    else
        set -- "$@" --diff "$range"
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
event=$("$fickgate" event "$GITHUB_EVENT_PATH") || fail "the event file cannot be read" "set GITHUB_EVENT_PATH"
choose
if [ "${INPUT_HISTORY:-}" = true ] && [ -n "$range" ] && [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    fail "this clone is shallow, and not every commit of the change is in it" "give actions/checkout fetch-depth: 0"
fi
set -- --format "$INPUT_FORMAT" --fail-on "$INPUT_FAIL_ON" --report "outputs=$GITHUB_OUTPUT"
[ "${INPUT_SUBMODULES:-}" != true ] || set -- "$@" --recurse-submodules
[ "${INPUT_REPORT_ONLY:-}" != true ] || set -- "$@" --exit-zero
[ "$INPUT_SUMMARY" != true ] || set -- "$@" --report "summary=$GITHUB_STEP_SUMMARY"
if [ -n "$INPUT_SARIF_FILE" ]; then
    set -- "$@" --report "sarif=$INPUT_SARIF_FILE"
    printf 'sarif-file=%s\n' "$INPUT_SARIF_FILE" >>"$GITHUB_OUTPUT"
fi
scan "$@"
