//! Neural-network blocks and training tools on Burn: seeded layers, EMA, one-cycle AdamW, special functions
