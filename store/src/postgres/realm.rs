//! Realms and their terms.

use super::open::PostgresStore;
use super::row::{Columns, storable};
use crate::{CommitError, Holder, Realm, RealmRow, StoreError};
use part_core::Term;

const BEGINNING: &str = "begin a term";
const ENDING: &str = "give a term back";
const LISTING: &str = "list the realms";

impl PostgresStore {
    /// The statement changes the term's row, so it waits for every commit that holds the row in share mode, and
    /// commits that come later wait for it and then see the new term.
    pub(super) async fn raise_term(
        &self,
        realm: &Realm,
        holder: &Holder,
        above: Term,
    ) -> Result<Term, StoreError> {
        let query = sqlx::query(
            "INSERT INTO realms (name, term, holder) VALUES ($1, $2 + 1, $3) \
             ON CONFLICT (name) DO UPDATE SET term = greatest(realms.term, $2) + 1, holder = excluded.holder \
             RETURNING term",
        )
        .bind(realm.as_str())
        .bind(self.server.stored(BEGINNING, above.0)?)
        .bind(storable(&holder.0));
        let rows = self.commits.rows(BEGINNING, query).await?;
        let row = rows.first().ok_or_else(|| self.server.damaged(BEGINNING, "no term came back"))?;
        Columns { row, server: &self.server, doing: BEGINNING }.number("term").map(Term)
    }

    pub(super) async fn give_term_back(&self, realm: &Realm, term: Term) -> Result<(), CommitError> {
        let held = self.server.stored(ENDING, term.0)?;
        // Raised, so that nothing can be committed under the term that was given back.
        let query = sqlx::query(
            "UPDATE realms SET term = term + 1, holder = NULL WHERE name = $1 AND term = $2 AND term > 0",
        )
        .bind(realm.as_str())
        .bind(held);
        if self.commits.execute(ENDING, query).await? > 0 {
            return Ok(());
        }
        let query = sqlx::query("SELECT term FROM realms WHERE name = $1").bind(realm.as_str());
        let rows = self.commits.rows(ENDING, query).await?;
        let current =
            rows.first().map(|row| Columns { row, server: &self.server, doing: ENDING }.number("term"));
        let current = Term(current.transpose()?.unwrap_or_default());
        Err(CommitError::Superseded { realm: realm.clone(), held: term, current })
    }

    pub(super) async fn list_realms(&self) -> Result<Vec<RealmRow>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM (SELECT name, term, holder, \
                 (SELECT count(*) FROM runs WHERE realm = name AND finished_at IS NULL) AS unfinished FROM realms) \
             AS r WHERE holder IS NOT NULL OR unfinished > 0 ORDER BY name",
        );
        let realm = |row| {
            let columns = Columns { row, server: &self.server, doing: LISTING };
            let holder: Option<&str> = columns.get("holder")?;
            Ok(RealmRow {
                realm: Realm::named(columns.get("name")?),
                term: Term(columns.number("term")?),
                holder: holder.map(|_| columns.text("holder").map(Holder)).transpose()?,
                unfinished: columns.number("unfinished")?,
            })
        };
        self.requests.rows(LISTING, query).await?.iter().map(realm).collect()
    }
}
