//! Who may do what: principals, requests and the decision, as pure functions.
