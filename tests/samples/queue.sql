-- Parcels that wait for a van.
CREATE TABLE IF NOT EXISTS depot.parcels (
    id          bigserial PRIMARY KEY,
    street      text NOT NULL,
    weight_kg   numeric(6, 2) CHECK (weight_kg > 0),
    promised_at timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX CONCURRENTLY parcels_by_hour ON depot.parcels (promised_at, id);

/* What the board above the ramp shows, oldest promise first. */
create or replace view "overdue parcels" as
select id, street, now() - promised_at as late
from depot.parcels
where promised_at < now()
order by promised_at;

-- Puts a parcel off until the next working day; the third time it goes back.
CREATE OR REPLACE FUNCTION depot.postpone(parcel bigint) RETURNS boolean AS $$
DECLARE
    tried integer;
BEGIN
    UPDATE depot.parcels SET attempts = attempts + 1 WHERE id = parcel RETURNING attempts INTO tried;
    IF tried >= 3 THEN
        INSERT INTO depot.returns (parcel_id) VALUES (parcel);
    END IF;
    RETURN tried < 3;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER parcels_audit AFTER UPDATE ON depot.parcels
    FOR EACH ROW EXECUTE FUNCTION depot.log_change();

ALTER TABLE ONLY depot.parcels ADD COLUMN fragile boolean NOT NULL DEFAULT false;

-- name: weigh-street
SELECT street, sum(weight_kg) FROM depot.parcels GROUP BY street;
