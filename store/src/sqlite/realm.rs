//! Realms and their terms.

use super::open::SqliteStore;
use super::row::{Columns, stored};
use crate::{CommitError, Holder, Realm, RealmRow, StoreError};
use part_core::Term;
use sqlx::{Connection, SqliteConnection};

const BEGINNING: &str = "begin a term";
const ENDING: &str = "give a term back";
const LISTING: &str = "list the realms";

impl SqliteStore {
    pub(super) async fn raise_term(
        &self,
        realm: &Realm,
        holder: &Holder,
        above: Term,
    ) -> Result<Term, StoreError> {
        let error = |error| self.place.error(BEGINNING, error);
        let above = stored(&self.place, BEGINNING, above.0)?;
        let mut lease = self.writer(BEGINNING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        let term: i64 = sqlx::query_scalar(
            "INSERT INTO realms (name, term, holder) VALUES (?1, ?2 + 1, ?3) \
             ON CONFLICT (name) DO UPDATE SET term = max(term, ?2) + 1, holder = excluded.holder \
             RETURNING term",
        )
        .bind(realm.as_str())
        .bind(above)
        .bind(&holder.0)
        .fetch_one(&mut *transaction)
        .await
        .map_err(error)?;
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        u64::try_from(term)
            .map(Term)
            .map_err(|_| self.place.damaged(BEGINNING, format!("its term is {term}")))
    }

    pub(super) async fn give_term_back(&self, realm: &Realm, term: Term) -> Result<(), CommitError> {
        let error = |error| self.place.error(ENDING, error);
        let mut lease = self.writer(ENDING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        self.check_term(&mut transaction, realm, term, ENDING).await?;
        // Raised, so that nothing can be committed under the term that was given back.
        sqlx::query("UPDATE realms SET term = term + 1, holder = NULL WHERE name = ?1")
            .bind(realm.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(error)?;
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        Ok(())
    }

    /// Refuses a term that is not the realm's current one. Call inside the writing transaction.
    pub(super) async fn check_term(
        &self,
        connection: &mut SqliteConnection,
        realm: &Realm,
        held: Term,
        doing: &'static str,
    ) -> Result<(), CommitError> {
        let current: Option<i64> = sqlx::query_scalar("SELECT term FROM realms WHERE name = ?1")
            .bind(realm.as_str())
            .fetch_optional(connection)
            .await
            .map_err(|error| self.place.error(doing, error))?;
        let current = Term(current.and_then(|term| u64::try_from(term).ok()).unwrap_or_default());
        if current == held && current != Term(0) {
            return Ok(());
        }
        Err(CommitError::Superseded { realm: realm.clone(), held, current })
    }

    pub(super) async fn list_realms(&self) -> Result<Vec<RealmRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, term, holder, \
                    (SELECT count(*) FROM runs WHERE realm = name AND finished_at IS NULL) AS unfinished \
             FROM realms WHERE holder IS NOT NULL OR unfinished > 0 ORDER BY name",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.place.error(LISTING, error))?;
        let realm = |row| {
            let columns = Columns { row, place: &self.place, doing: LISTING };
            Ok(RealmRow {
                realm: Realm::named(columns.get("name")?),
                term: Term(columns.number("term")?),
                holder: columns.get::<Option<String>>("holder")?.map(Holder),
                unfinished: columns.number("unfinished")?,
            })
        };
        rows.iter().map(realm).collect()
    }
}
