error "on load"
