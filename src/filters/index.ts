/** The filters: drivers that stand on one node and show it, changed in one respect. */

export const filters = {};
