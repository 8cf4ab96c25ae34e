//! What every store must do, run against each of them.
//!
//! A new store adds a factory and its name in `stores!` below.

mod blobs;
mod commits;
mod factory;
mod history;
mod lists;
mod operate;
mod retention;

/// Whether a store can be had: most need nothing but this program.
const fn always() -> bool {
    true
}

macro_rules! suite {
    ($factory:ident if $there:path: $($module:ident::{$($case:ident),+ $(,)?};)+) => {
        $($(
            #[tokio::test]
            async fn $case() {
                if $there() {
                    crate::contract::$module::$case(&crate::contract::factory::$factory::new()).await;
                }
            }
        )+)+
    };
}

macro_rules! stores {
    ($($name:ident: $factory:ident if $there:path),+) => {
        $(
            mod $name {
                suite! {
                    $factory if $there:
                    commits::{
                        terms_rise_and_fence,
                        a_term_given_back_is_over,
                        a_batch_is_recorded_whole_or_not_at_all,
                        entries_come_back_in_pages,
                        a_dropped_commit_leaves_the_store_usable,
                        realms_do_not_disturb_each_other,
                        a_driven_ledger_folds_to_the_same_state,
                    };
                    lists::{
                        a_run_row_follows_its_ledger,
                        prefixes_find_runs,
                        runs_are_listed_newest_first_in_pages,
                        unfinished_runs_and_submissions_are_found,
                        attempts_of_a_build_are_listed,
                        submissions_that_join_a_run_are_found,
                    };
                    history::{
                        the_newest_samples_that_count_come_oldest_first,
                        people_see_failures_too,
                        odd_names_are_kept_apart,
                        what_a_spec_came_to_last_is_known,
                        classes_of_a_suite_are_listed,
                        what_of_a_duration_is_the_tests_own_is_kept,
                    };
                    operate::{
                        drained_hosts_are_flagged_until_cleared,
                        tokens_come_back_as_they_were_made,
                        tokens_are_used_as_often_as_they_may_be,
                        a_token_used_by_many_at_once_is_not_used_too_often,
                    };
                    retention::{
                        blobs_are_needed_until_their_last_run_is_forgotten,
                        what_workers_claim_about_blobs_does_no_harm,
                        manifests_come_in_pages,
                        a_submission_that_joins_brings_its_own_workspace,
                        finished_runs_are_forgotten_and_their_history_stays,
                    };
                }
            }
        )+
    };
}

stores! {
    memory: Memory if crate::contract::always,
    sqlite: Sqlite if crate::contract::always,
    postgres: Postgres if crate::server::start::is_there
}

macro_rules! blob_stores {
    ($($name:ident: $factory:ident),+) => {
        $(
            mod $name {
                suite! {
                    $factory if crate::contract::always:
                    blobs::{
                        what_is_put_comes_back,
                        ranges_are_cut_to_size,
                        too_large_or_wrong_leaves_nothing,
                        missing_blobs_are_named,
                        many_may_put_the_same_blob_at_once,
                        batches_go_in_and_out,
                        what_is_there_is_listed,
                        blobs_are_retired_before_they_are_deleted,
                    };
                }
            }
        )+
    };
}

blob_stores! { memory_blobs: MemoryBlobs, disk_blobs: DiskBlobs, shared_blobs: SharedBlobs, s3_blobs: S3Blobs }
