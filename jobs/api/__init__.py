"""The admin's API of jobs, lanes and pipelines."""
