//! What every store must do, run against each of them.
//!
//! A new store adds a factory and its name in `stores!` below.

mod blobs;
mod commits;
mod factory;
mod history;
mod lists;

macro_rules! suite {
    ($factory:ident: $($module:ident::{$($case:ident),+ $(,)?};)+) => {
        $($(
            #[tokio::test]
            async fn $case() {
                crate::contract::$module::$case(&crate::contract::factory::$factory::new()).await;
            }
        )+)+
    };
}

macro_rules! stores {
    ($($name:ident: $factory:ident),+) => {
        $(
            mod $name {
                suite! {
                    $factory:
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
                    };
                    history::{
                        the_newest_samples_that_count_come_oldest_first,
                        people_see_failures_too,
                        odd_names_are_kept_apart,
                    };
                }
            }
        )+
    };
}

stores! { memory: Memory, sqlite: Sqlite }

macro_rules! blob_stores {
    ($($name:ident: $factory:ident),+) => {
        $(
            mod $name {
                suite! {
                    $factory:
                    blobs::{
                        what_is_put_comes_back,
                        ranges_are_cut_to_size,
                        too_large_or_wrong_leaves_nothing,
                        missing_blobs_are_named,
                        many_may_put_the_same_blob_at_once,
                    };
                }
            }
        )+
    };
}

blob_stores! { memory_blobs: MemoryBlobs, disk_blobs: DiskBlobs }
