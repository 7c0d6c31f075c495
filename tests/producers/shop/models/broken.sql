{{ config(tags=['broken']) }}
select cast(status as integer) as status from {{ ref('stg_orders') }}
