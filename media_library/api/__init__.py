"""The admin's API of videos."""
