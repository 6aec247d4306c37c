# Where builds go, and the tests' Python; sourced by the scripts of this repository, from its root.
#
# Compiled dependencies live outside the clone, so that a fresh clone compiles only the workspace's own crates.
# The program itself lands in the clone's own target folder: two clones never overwrite each other's.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/millpond"
export CARGO_BUILD_BUILD_DIR="${CARGO_BUILD_BUILD_DIR:-$cache/build}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export PATH="$cache/tools/bin:$PATH"

# The pinned packages of tests/requirements*.txt, in a virtual environment under the target folder.
venv() {
    export MILLPOND_VENV="${MILLPOND_VENV:-$CARGO_TARGET_DIR/venv}"
    if ! cat tests/requirements*.txt | cmp -s - "$MILLPOND_VENV/requirements.txt"; then
        echo "Setting up Python packages in $MILLPOND_VENV"
        rm -rf "$MILLPOND_VENV"
        python3 -m venv "$MILLPOND_VENV"
        local install=("$MILLPOND_VENV/bin/pip" install --quiet --no-deps --only-binary :all:)
        "${install[@]}" --requirement tests/requirements.txt
        "${install[@]}" --requirement tests/requirements-httpfs.txt --target "$MILLPOND_VENV/duckdb-httpfs"
        cat tests/requirements*.txt > "$MILLPOND_VENV/requirements.txt"
    fi
}

# A cargo subcommand that the machine lacks is compiled once, into the cache folder.
cargo_tool() {
    if ! cargo "${1#cargo-}" --version >/dev/null 2>&1; then
        cargo install --quiet --locked --root "$cache/tools" "$1"
    fi
}
