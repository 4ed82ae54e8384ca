//! The properties of the raw REPL on which the runtime relies, tested on real boards: the same suite on each of them.

#[path = "protocol/executing.rs"]
mod executing;
#[path = "protocol/harness.rs"]
mod harness;
#[path = "protocol/interrupting.rs"]
mod interrupting;

use executing::*;
use interrupting::*;

macro_rules! on_boards {
    ($($board:ident => $kind:ident { $($test:ident)* })*) => {
        $(mod $board {
            $(#[test]
            fn $test() {
                super::harness::run(super::harness::Kind::$kind, super::$test);
            })*
        })*
    };
}

on_boards! {
    unix => Unix {
        the_raw_repl_is_entered_and_left_and_entered_again
        raw_paste_is_there_or_refused
        a_long_source_passes_the_window
        source_is_sent_plainly
        an_exception_ends_an_execution
        a_syntax_error_ends_an_execution
        a_paste_that_does_not_compile_is_cut_short
        too_large_an_object_is_a_memory_error
        too_large_a_paste_is_a_memory_error
        running_code_is_interrupted
        code_can_refuse_to_be_interrupted
        a_paste_is_interrupted
        a_request_is_interrupted
        plain_source_is_interrupted
        interrupts_at_any_moment_do_no_harm
        a_soft_reset_ends_in_the_raw_repl
        a_soft_reset_from_the_friendly_repl_ends_there
        system_exit_restarts_the_board
        a_stray_end_restarts_the_board
        ends_in_framed_output_are_output
        an_end_without_a_reply_is_only_claimed
        a_thread_may_print_anywhere
        an_unknown_request_is_declined
        the_raw_repl_is_entered_whatever_was_going_on
        the_raw_repl_is_entered_while_the_board_starts
    }
    circuitpython_like => CircuitPythonLike {
        the_raw_repl_is_entered_and_left_and_entered_again
        raw_paste_is_there_or_refused
        a_long_source_passes_the_window
        source_is_sent_plainly
        an_exception_ends_an_execution
        a_syntax_error_ends_an_execution
        a_paste_that_does_not_compile_is_cut_short
        too_large_an_object_is_a_memory_error
        too_large_a_paste_is_a_memory_error
        running_code_is_interrupted
        a_paste_is_interrupted
        a_request_is_interrupted
        plain_source_is_interrupted
        interrupts_at_any_moment_do_no_harm
        a_soft_reset_ends_in_the_raw_repl
        a_soft_reset_from_the_friendly_repl_waits_for_a_key
        another_repl_has_another_interpreter
        an_interrupt_takes_what_was_typed_ahead_with_it
        system_exit_restarts_the_board
        a_stray_end_restarts_the_board
        ends_in_framed_output_are_output
        an_end_without_a_reply_is_only_claimed
        an_unknown_request_is_declined
        the_raw_repl_is_entered_whatever_was_going_on
        the_raw_repl_is_entered_while_the_board_starts
    }
    mps2 => Mps2 {
        the_raw_repl_is_entered_and_left_and_entered_again
        raw_paste_is_there_or_refused
        a_long_source_passes_the_window
        source_is_sent_plainly
        an_exception_ends_an_execution
        a_syntax_error_ends_an_execution
        a_paste_that_does_not_compile_is_cut_short
        too_large_an_object_is_a_memory_error
        too_large_a_paste_is_a_memory_error
        a_board_that_ignores_interrupts_finishes
        a_paste_is_interrupted
        a_request_is_interrupted
        plain_source_is_interrupted
        a_soft_reset_ends_in_the_raw_repl
        a_soft_reset_from_the_friendly_repl_ends_there
        system_exit_restarts_the_board
        a_stray_end_restarts_the_board
        ends_in_framed_output_are_output
        an_end_without_a_reply_is_only_claimed
        an_unknown_request_is_declined
        the_raw_repl_is_entered_whatever_was_going_on
        the_raw_repl_is_entered_while_the_board_starts
    }
    microbit => Microbit {
        the_raw_repl_is_entered_and_left_and_entered_again
        raw_paste_is_there_or_refused
        source_is_sent_plainly
        an_exception_ends_an_execution
        a_syntax_error_ends_an_execution
        too_large_an_object_is_a_memory_error
        running_code_is_interrupted
        a_request_is_interrupted
        plain_source_is_interrupted
        a_soft_reset_ends_in_the_raw_repl
        a_soft_reset_from_the_friendly_repl_ends_there
        system_exit_only_ends_an_execution
        a_stray_end_restarts_the_board
        ends_in_framed_output_are_output
        an_end_without_a_reply_is_only_claimed
        the_raw_repl_is_entered_whatever_was_going_on
        the_raw_repl_is_entered_while_the_board_starts
    }
}
