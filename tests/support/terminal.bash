# A real terminal for bats tests: a tmux server of its own for each test, with a plain bash in it. In a .bats file:
# shellcheck shell=bash
#
#   setup()    { . "$KUTILS_SOURCE_DIR/tests/support/kafka.bash"; . "$KUTILS_SOURCE_DIR/tests/support/terminal.bash"; shell_setup; open_terminal; }
#   teardown() { close_terminal; kafka_teardown; }

in_tmux() { tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@" 3>&- 4>&-; }

# open_terminal [COLUMNS [ROWS]]: the shell stands in the test's folder and has its environment; its prompt is "$ ".
open_terminal() {
  if ! command -v tmux >/dev/null; then
    [ -z "${CI:-}" ] || { echo "tmux is missing (scripts/packages test)" >&2; return 1; }
    skip "tmux is missing (scripts/packages test)"
  fi
  in_tmux new-session -d -x "${1:-100}" -y "${2:-30}" 'env PS1="$ " bash --norc --noprofile -i' || return 1
  wait_for 20 screen_has '^\$ *$'
}
close_terminal() { in_tmux kill-server 2>/dev/null || true; }

type_line() { in_tmux send-keys -l "$1" && in_tmux send-keys Enter; }
press() { in_tmux send-keys "$@"; }  # C-d, C-c, ...
screen() { in_tmux capture-pane -p "$@"; }  # -e: with colours
screen_has() { screen | grep -qE -- "$1"; }
show_screen() { screen; return 1; }
