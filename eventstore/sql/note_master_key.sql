-- Note which master key this ledger's guests are sealed with, as the key of nobody: $1 nobody's hotel, $2 nobody,
-- $3 the master key's id. Whoever is first decides; the next one changes nothing and has to look.
insert into ledger.guest_key (hotel_id, guest_id, master_key, wrapped_key)
values ($1, $2, $3, '')
    on conflict do nothing
