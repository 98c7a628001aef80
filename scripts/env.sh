# Sourced by the other scripts: where things are kept, and how a step is announced.
# Builds and downloads live outside the clone, so that clones share them and `git clean` spares them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SANDBOXD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandboxd}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
mkdir -p "$cache" "$CARGO_TARGET_DIR"

# step WHAT COMMAND...: runs the command and prints one line with the seconds it took. A failure anywhere inside ends
# the script (set -e), so the step that failed is named by the trap.
step_name=start
set -E
trap '[ "$BASH_SUBSHELL" -gt 0 ] || printf "FAILED: %s\n" "$step_name" >&2' ERR
step() {
  local start=$SECONDS
  step_name=$1
  printf '==> %s\n' "$step_name" >&2
  "${@:2}"
  printf '    %s: ok, %s s\n' "$step_name" "$((SECONDS - start))" >&2
}

# need COMMAND HINT: stops with the hint if the command is missing.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  printf 'sandboxd needs `%s`, which is not on the PATH. %s\n' "$1" "$2" >&2
  exit 1
}

# debian PACKAGE...: installs Debian packages, or stops with the command that would.
debian() {
  local as=()
  if [ "$(id -u)" -ne 0 ]; then as=(sudo); fi
  if command -v apt-get >/dev/null 2>&1 && { [ ${#as[@]} -eq 0 ] || command -v sudo >/dev/null 2>&1; }; then
    "${as[@]}" apt-get install --yes --quiet "$@" >&2 && return
    "${as[@]}" apt-get update --quiet >&2 && "${as[@]}" apt-get install --yes --quiet "$@" >&2 && return
  fi
  printf 'sandboxd needs what Debian has in: apt-get install %s\n' "$*" >&2
  exit 1
}

# rocksdb_tools: has what RocksDB's C++ is compiled with, and the bindings to it, which are made each time.
rocksdb_tools() {
  command -v c++ >/dev/null 2>&1 || step "install a C++ compiler" debian g++
  # libclang-cpp, Clang's C++ interface, is another library.
  [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null ||
    compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' >/dev/null || step "install libclang" debian libclang-dev
}

# rocksdb: has RocksDB's C++ built once for all that links it. Cargo would take minutes for it again with each set of
# features, and whenever another command had been told of a library in between.
rocksdb() {
  local version library build
  version=$(sed -n '/^name = "librocksdb-sys"$/{n;s/^version = "\(.*\)"$/\1/p}' "$root/Cargo.lock")
  library=$cache/rocksdb-$version build=$cache/rocksdb-build
  rocksdb_tools
  if [ ! -f "$library/librocksdb.a" ]; then
    rm -rf "$build"
    mkdir -p "$build/src" "$library"
    {
      printf '[package]\nname = "build"\nedition = "2024"\n[dependencies]\n'
      grep '^rocksdb = ' "$root/Cargo.toml"
      # With what a debugger wants it would be a gigabyte, and take twice as long.
      printf '[profile.dev]\ndebug = false\n[profile.dev.package.librocksdb-sys]\nopt-level = 1\n'
    } > "$build/Cargo.toml"
    cp "$root/Cargo.lock" "$build/"
    : > "$build/src/lib.rs"
    step "build RocksDB" cargo check --quiet --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
    mv "$build"/target/debug/build/librocksdb-sys-*/out/librocksdb.a "$library/"
    rm -rf "$build"
  fi
  export ROCKSDB_LIB_DIR=$library ROCKSDB_STATIC=1
}
