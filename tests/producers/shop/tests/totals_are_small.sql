{{ config(tags=['broken']) }}
select * from {{ ref('order_totals') }} where cents > 1000
