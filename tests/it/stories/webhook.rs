//! What reaches the bot through its only door, and what it answers.
