#!/usr/bin/env bash
# Runs the tests as other processors, versions and users would, one leg after the other, and prints a line for each.
#
#     tests/elsewhere.sh                              all legs
#     tests/elsewhere.sh haswell lanes-8 no-home      these legs
#     TESTS="tests/test_train.py" tests/elsewhere.sh python-3.12
#
# TESTS   what pytest shall run (default: the whole suite, then the slow one; set SLOW=0 to leave the slow one out)
# PYTHON  the Python of the legs that need no other one, with tinynet's test requirements installed (default: python3)
# WORK    where virtual environments and logs are kept (default: tinynet-elsewhere in the temporary folder)
# PYTHON311, PYTHON312, PYTHON313   the Pythons of these versions (default: python3.11 and so on)
#
# The exit status is the number of legs that failed.
set -uo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
WORK=${WORK:-${TMPDIR:-/tmp}/tinynet-elsewhere}
SLOW=${SLOW:-1}
TESTS=${TESTS:-}
LEGS="haswell nehalem skylakex lanes-16 lanes-8 lanes-4 lanes-0 numpy-backend python-3.12 python-3.13 oldest newest
      no-torch busy other-user no-home"
WITHOUT_TORCH="pytest>=8.0 hypothesis>=6.100 expecttest>=0.2 safetensors>=0.4.3"
OLDEST="numpy==2.0.* numba==0.61.* matplotlib==3.8.* pillow==10.1.* tqdm==4.66.* filelock==3.13.*
        threadpoolctl==3.5.*"

# A virtual environment $WORK/NAME of a Python, with tinynet's requirements and the packages that are named.
environment() {
    local name=$1 python=$2 folder="$WORK/$1"
    shift 2
    if [ ! -e "$folder/complete" ]; then
        "$python" -m venv --clear "$folder" && "$folder/bin/pip" install --quiet . "$@" \
            && "$folder/bin/pip" uninstall --quiet --yes tinynet && touch "$folder/complete"
    fi
}

# pytest in a Python, with what the leg sets before it: `tests_in PYTHON [COMMAND...]`.
tests_in() {
    local python=$1
    shift
    "$@" "$python" -m pytest -q -p no:cacheprovider $TESTS || return
    [ "$SLOW" = 0 ] || "$@" "$python" -m pytest -q -p no:cacheprovider -m slow $TESTS
}

busy() {
    local burners=()
    for _ in 1 2; do
        while :; do :; done &
        burners+=($!)
    done
    tests_in "$PYTHON"
    local status=$?
    kill "${burners[@]}"
    wait "${burners[@]}" 2> "$WORK/burners"
    return $status
}

# The project in a folder that every user can read, and a home of one's own for the user `nobody`. PYTHON311 must be
# a Python that every user can start.
other_user() {
    [ "$(id -u)" = 0 ] || { echo "only root can become another user; the other legs run as $(id -un)"; return 0; }
    local folder status
    environment other-user "${PYTHON311:-python3.11}" $WITHOUT_TORCH || return
    folder=$(mktemp -d)
    cp -r tinynet tests examples docs setup.cfg pyproject.toml README.md .ci "$folder"
    chown -R nobody "$folder"
    chmod 755 "$folder"
    (cd "$folder" && tests_in "$WORK/other-user/bin/python" setpriv --reuid=nobody --regid=nogroup --clear-groups \
        env PYTHONPATH="$folder" HOME="$folder" TINYNET_CACHE="$folder/cache" TMPDIR="$folder")
    status=$?
    rm -rf "$folder"
    return $status
}

leg() {
    case $1 in
        haswell)       tests_in "$PYTHON" env OPENBLAS_CORETYPE=Haswell ;;
        nehalem)       tests_in "$PYTHON" env OPENBLAS_CORETYPE=Nehalem ;;
        skylakex)      tests_in "$PYTHON" env OPENBLAS_CORETYPE=SkylakeX ;;
        lanes-*)       tests_in "$PYTHON" env TINYNET_SIMD_LANES="${1#lanes-}" ;;
        numpy-backend) tests_in "$PYTHON" env TINYNET_BACKEND=numpy ;;
        python-3.12)   environment "$1" "${PYTHON312:-python3.12}" $WITHOUT_TORCH && tests_in "$WORK/$1/bin/python" ;;
        python-3.13)   environment "$1" "${PYTHON313:-python3.13}" $WITHOUT_TORCH && tests_in "$WORK/$1/bin/python" ;;
        oldest)        environment "$1" "${PYTHON311:-python3.11}" $OLDEST $WITHOUT_TORCH &&
                           tests_in "$WORK/$1/bin/python" ;;
        newest)        environment "$1" "${PYTHON311:-python3.11}" --upgrade $WITHOUT_TORCH &&
                           tests_in "$WORK/$1/bin/python" ;;
        no-torch)      environment "$1" "${PYTHON311:-python3.11}" $WITHOUT_TORCH && tests_in "$WORK/$1/bin/python" ;;
        busy)          busy ;;
        other-user)    other_user ;;
        no-home)       tests_in "$PYTHON" env --unset=HOME --unset=XDG_CACHE_HOME ;;
        *)             echo "unknown leg; there are: $LEGS"; return 2 ;;
    esac
}

mkdir -p "$WORK"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
failed=0
[ $# -gt 0 ] || set -- $LEGS
for name in "$@"; do
    start=$SECONDS
    if leg "$name" > "$WORK/$name.log" 2>&1; then word=passed; else word=FAILED; failed=$((failed + 1)); fi
    result=$(grep -E '^[0-9]+ (passed|failed)|^=* ?[0-9]+ (passed|failed)|error' "$WORK/$name.log" | tail -n 1)
    printf '%-14s %s in %5d s: %s\n' "$name" "$word" $((SECONDS - start)) "${result:-see $WORK/$name.log}"
done
exit $failed
