{{ config(materialized='incremental', unique_key='day') }}
select day, sum(cents) as cents
from {{ ref('order_totals') }}
{% if is_incremental() %}
where day >= (select max(day) from {{ this }})
{% endif %}
group by day
