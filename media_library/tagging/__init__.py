"""Tags that a machine proposes: by what a network sees in a video's pictures, and by what the names of files and folders say."""
