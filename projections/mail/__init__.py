"""Mails: what happens to bookings and accounts, told to the people concerned, each thing once."""
