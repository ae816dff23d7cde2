#!/usr/bin/env bats
# Completion with names of topics and groups from the broker: in bash, zsh and fish.

setup() {
  local support=${KUTILS_SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support
  . "$support/kafka.bash"; . "$support/terminal.bash"
  kafka_setup
  new_topic clicks
  group=$clicks-billing
  seq 3 | produce "$clicks"
  kread -q -e -g "$group" -O text "$clicks" >/dev/null
}
teardown() { close_terminal; kafka_teardown; }

# bash_offers WORD...: what is offered for the last word, as bash takes a line apart.
bash_offers() {
  "$1" --completion bash >c.bash
  # shellcheck disable=SC2016
  bash -c '. ./c.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); line="$*"; COMP_LINE=${line// : /:}; "_$1"; printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}
offers() { bash_offers "${@:2}" | grep -qxF -- "$1" || { echo "not offered: $1, but $(bash_offers "${@:2}")"; return 1; }; }
offers_not() { if bash_offers "${@:2}" | grep -qxF -- "$1"; then echo "offered: $1"; return 1; fi; }

@test "bash: topics and groups where they stand, verbs, files" {
  offers "$clicks" kread "${clicks%?}"
  offers "$clicks" kfilter 'n > 1' "${clicks%?}"
  offers "$clicks" kfilter -e --on-error skip 'n > 1' "${clicks%?}"
  offers "$clicks" kfilter --on-error = skip 'n > 1' "${clicks%?}"
  offers_not "$clicks" kfilter "${clicks%?}"  # that is EXPR
  offers "$clicks" kjoin "$clicks" table : "${clicks%?}"
  offers "$clicks" ktopic describe one two "${clicks%?}"
  offers describe ktopic desc
  offers "$group" klag "${group%?}"
  offers "$group" kwait lag 0 "${group%?}"
  offers lag kwait l
  offers "$group" kread -g "${group%?}"
  offers "$group" koffset reset "${group%?}"
  offers tools ktop to
  # -b of the line counts, and is the only one here.
  broker=$KUTILS_BROKERS
  unset KUTILS_BROKERS
  offers_not "$clicks" kread "${clicks%?}"
  offers "$clicks" kread -b "${broker%:*}" : "${broker#*:}" "${clicks%?}"
  touch file.ndjson
  offers file.ndjson kread file
}

@test "a broker that is not there costs two seconds at most, and says nothing" {
  for broker in 127.0.0.1:1 10.255.255.1:9092 'not a broker'; do
    SECONDS=0
    KUTILS_BROKERS=$broker kread --complete-names topics >out.txt 2>err.txt
    [ ! -s out.txt ] && [ ! -s err.txt ]
    [ $SECONDS -le 8 ]  # 1.5 s, on a busy machine
  done
}

@test "bash in a terminal: Tab completes a topic" {
  open_terminal 120
  kread --completion bash >c.bash
  type_line '. ./c.bash; clear'
  in_tmux send-keys -l "kread -e -c 1 -O text ${clicks%???}"
  press Tab
  wait_for 20 screen_has "kread -e -c 1 -O text $clicks"
  press Enter
  wait_for 20 screen_has '^1$'
}

@test "zsh in a terminal: Tab completes topics, groups and verbs" {
  command -v zsh >/dev/null || skip "zsh is not installed"
  mkdir functions
  for tool in kread klag ktopic; do "$tool" --completion zsh >"functions/_$tool"; done
  open_terminal 120
  type_line 'PS1="Z> " zsh -f'
  wait_for 20 screen_has '^Z> *$'
  # shellcheck disable=SC2016
  type_line 'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; clear'
  in_tmux send-keys -l "kread -e -c 1 ${clicks%???}"
  press Tab
  wait_for 20 screen_has "kread -e -c 1 $clicks"
  press C-u
  in_tmux send-keys -l "klag ${group%???}"
  press Tab
  wait_for 20 screen_has "klag $group"
  press C-u
  in_tmux send-keys -l "ktopic desc"
  press Tab
  wait_for 20 screen_has 'ktopic describe'
}

@test "fish: topics and groups where they stand, and verbs" {
  command -v fish >/dev/null || skip "fish is not installed"
  for tool in kfilter klag ktopic koffset; do "$tool" --completion fish; done >c.fish
  fish_offers() { HOME=$PWD fish --no-config -c "source c.fish; complete -C '$1'" | cut -f1; }
  fish_offers "kfilter -e true ${clicks%?}" | grep -qxF "$clicks"
  if fish_offers "kfilter -e ${clicks%?}" | grep -qxF "$clicks"; then return 1; fi
  fish_offers "klag ${group%?}" | grep -qxF "$group"
  fish_offers "kfilter -g ${group%?}" | grep -qxF "$group"
  fish_offers "koffset reset ${group%?}" | grep -qxF "$group"
  fish_offers 'ktopic desc' | grep -qxF describe
  fish_offers "ktopic describe a ${clicks%?}" | grep -qxF "$clicks"
}
